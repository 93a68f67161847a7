//! A register comes back with old memory. A code that was spent since then is not forwarded again,
//! whatever the cause. All registers come back at once, so that none of them knows the code.

use tempfile::TempDir;

use crate::harness::keys::identity;
use crate::harness::redis::{Redis, config};
use crate::harness::{Setup, World, eventually};

/// Two gateways with the same keys, registers and backend.
struct RestoredNodes {
    one: World,
    two: World,
    registers: Vec<Redis>,
}

impl RestoredNodes {
    /// Gateways with registers that are long in service.
    async fn start(options: &[&str]) -> Self {
        let registers = Redis::group_with(options).await;
        let one = Setup::new().await.config(&config(&registers)).start().await;
        let two = Setup::new().await.config(&config(&registers));
        let two = two.only_endpoints(&[one.backend.endpoint.as_str()]).start().await;
        for register in &registers {
            register.age().await;
        }
        Self { one, two, registers }
    }

    async fn ask_all(&self, command: &[&str]) {
        for register in &self.registers {
            assert_eq!(register.ask(command).await, "+OK\r\n", "{command:?}");
        }
    }

    /// What every register has on disk.
    fn copies(&self) -> Vec<TempDir> {
        self.registers.iter().map(Redis::copy).collect()
    }

    async fn kill_all(&mut self) {
        for register in &mut self.registers {
            register.kill().await;
        }
    }

    fn put_back(&self, copies: &[TempDir]) {
        for (register, copy) in self.registers.iter().zip(copies) {
            register.put_back(copy.path());
        }
    }

    /// Starts all registers again, and waits until each worker of both gateways has them again.
    async fn start_again(&mut self) {
        for world in [&self.one, &self.two] {
            for register in &self.registers {
                world.metric_becomes(&connections(register), 0.0).await;
            }
        }
        for register in &mut self.registers {
            register.start_again().await;
        }
        for world in [&self.one, &self.two] {
            for register in &self.registers {
                world.metric_becomes(&connections(register), 2.0).await;
            }
        }
    }

    /// Node `two` forwards no code that `one` has spent meanwhile, and no other older code, because
    /// these memories cannot tell them apart.
    async fn know_nothing_of(&self, spent: &str) {
        let answer = self.two.pay_more(spent).await;
        assert_eq!(self.one.backend.count_of(&identity(spent)), 1, "forwarded twice");
        answer.assert_refused("warming_up");
        self.two.pay(&self.two.code()).await.assert_refused("warming_up");
        // Born anew, they judge again.
        for register in &self.registers {
            register.age().await;
        }
        self.two.pay(&self.two.code()).await.assert_approved();
    }

    /// A code is spent on `one`.
    async fn spend(&self) -> String {
        let code = self.two.code();
        self.one.pay(&code).await.assert_approved();
        code
    }
}

fn connections(register: &Redis) -> String {
    format!("yanma_register_connections{{group=\"1\",register=\"{}\"}}", register.address())
}

/// A dump of some time before the crash.
#[tokio::test]
async fn a_register_that_reads_a_dump_has_lost_its_memory() {
    let mut nodes = RestoredNodes::start(&["--save", "3600 1"]).await;
    nodes.ask_all(&["SAVE"]).await;
    let spent = nodes.spend().await;
    nodes.kill_all().await;
    nodes.start_again().await;
    nodes.know_nothing_of(&spent).await;
    // The worker that begins a memory anew logs it.
    let said = nodes.one.process.said() + &nodes.two.process.said();
    for register in &nodes.registers {
        let told = format!("register {} came back with what it kept", register.address());
        assert!(said.contains(&told), "{said}");
    }
}

/// A power cut takes the end of an append-only file.
#[tokio::test]
async fn a_register_that_reads_a_part_of_its_log_has_lost_its_memory() {
    let mut nodes = RestoredNodes::start(&["--appendonly", "yes", "--appendfsync", "always"]).await;
    let copies = nodes.copies();
    let spent = nodes.spend().await;
    nodes.kill_all().await;
    nodes.put_back(&copies);
    nodes.start_again().await;
    nodes.know_nothing_of(&spent).await;
}

/// A volume is restored from an older snapshot, after a clean end.
#[tokio::test]
async fn a_register_on_a_restored_volume_has_lost_its_memory() {
    let mut nodes = RestoredNodes::start(&["--appendonly", "yes"]).await;
    nodes.ask_all(&["SAVE"]).await;
    let copies = nodes.copies();
    let spent = nodes.spend().await;
    for register in &mut nodes.registers {
        register.shut_down("SAVE").await;
    }
    nodes.put_back(&copies);
    nodes.start_again().await;
    nodes.know_nothing_of(&spent).await;
}

/// An operator copied the directory of another register.
#[tokio::test]
async fn a_register_on_a_copied_directory_has_lost_its_memory() {
    let mut nodes = RestoredNodes::start(&[]).await;
    nodes.ask_all(&["SAVE"]).await;
    let mut copies = nodes.copies();
    copies.rotate_left(1);
    let spent = nodes.spend().await;
    nodes.kill_all().await;
    nodes.put_back(&copies);
    nodes.start_again().await;
    nodes.know_nothing_of(&spent).await;
}

/// Everything was saved, but a gateway cannot tell that from an older save.
#[tokio::test]
async fn a_register_that_saved_all_and_ended_has_lost_its_memory() {
    let mut nodes = RestoredNodes::start(&[]).await;
    let spent = nodes.spend().await;
    for register in &mut nodes.registers {
        register.shut_down("SAVE").await;
    }
    nodes.start_again().await;
    nodes.know_nothing_of(&spent).await;
}

/// The same process reads a current dump, which loses nothing, and then an older one.
#[tokio::test]
async fn a_register_whose_process_reads_an_older_dump_has_lost_its_memory() {
    let nodes = RestoredNodes::start(&["--enable-debug-command", "yes"]).await;
    let spent = nodes.spend().await;
    nodes.ask_all(&["DEBUG", "RELOAD"]).await;
    nodes.two.pay_more(&spent).await.assert_refused("code_used");
    nodes.ask_all(&["SAVE"]).await;
    let spent = nodes.spend().await;
    // Each worker of both gateways has left a beat since, and has read of it.
    for register in &nodes.registers {
        let before = beats(register).await;
        eventually("beats", async || (beats(register).await >= before + 16).then_some(())).await;
    }
    nodes.ask_all(&["DEBUG", "RELOAD", "NOSAVE"]).await;
    nodes.know_nothing_of(&spent).await;
}

async fn beats(register: &Redis) -> u64 {
    let layout = register.layout().await.expect("a layout");
    layout.rsplit(' ').next().and_then(|last| last.parse().ok()).expect("a number")
}

/// A register's replica takes its place, under its address.
#[tokio::test]
async fn a_replica_that_takes_a_registers_place_remembers_nothing() {
    let mut nodes = RestoredNodes::start(&[]).await;
    // Replicas that copied all, and are detached.
    let mut replicas = Vec::new();
    for register in &nodes.registers {
        let (host, port) = register.address().split_once(':').expect("an address");
        let replica = Redis::start().await;
        replica.ask(&["REPLICAOF", host, port]).await;
        eventually("a copy", async || replica.layout().await).await;
        replica.ask(&["REPLICAOF", "NO", "ONE"]).await;
        replicas.push(replica);
    }
    for world in [&nodes.one, &nodes.two] {
        for register in &nodes.registers {
            let sample = format!(
                "yanma_register_abstaining{{group=\"1\",reason=\"replication\",register=\"{}\"}}",
                register.address()
            );
            world.metric_becomes(&sample, 0.0).await;
        }
    }
    for register in &nodes.registers {
        register.age().await;
    }
    for replica in &replicas {
        replica.age().await;
    }
    let spent = nodes.spend().await;
    nodes.kill_all().await;
    for (register, replica) in nodes.registers.iter().zip(replicas) {
        replica.ask(&["SAVE"]).await;
        register.put_back(replica.copy().path());
    }
    nodes.start_again().await;
    nodes.know_nothing_of(&spent).await;
}
