//! Limits and habits of the machine: descriptors, signals, modes of files, a full disk, process 1,
//! paths that are not text.

use std::fs;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tokio::process::Command;

use crate::harness::process::{Process, run, run_well};
use crate::harness::world::is_ready;
use crate::harness::{Client, Request, Setup, World, eventually};

/// A shell that does something and then is the gateway.
async fn after(script: &str) -> Setup {
    let script = format!("{script} && exec \"$@\"");
    Setup::new().await.through(&["sh", "-c", &script, "sh"])
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("a file").mode() & 0o777
}

#[track_caller]
fn names(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "{word:?} is missing: {said}");
    }
}

// ---- Descriptors ------------------------------------------------------------------------------

fn descriptors_of(process: &Process) -> (String, String) {
    let limits = fs::read_to_string(format!("/proc/{}/limits", process.pid())).expect("limits");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let mut numbers = line.expect("a limit").split_whitespace().map(str::to_owned);
    (numbers.next().expect("soft"), numbers.next().expect("hard"))
}

#[tokio::test]
async fn a_soft_limit_of_descriptors_is_raised_to_the_hard_one() {
    let world = after("ulimit -Sn 256 && ulimit -Hn 2000").await.start().await;
    assert_eq!(descriptors_of(&world.process), ("2000".to_owned(), "2000".to_owned()));
}

/// 500 clients connect to a process that may have 256 descriptors.
#[tokio::test]
async fn few_descriptors_are_told_and_refuse_clients_but_never_fail_a_backend() {
    let world = after("ulimit -n 256").await.start().await;
    names(
        &world.process.said(),
        &["256 file descriptors", "LimitNOFILE=", "connections_max = 16384"],
    );
    let (mut served, mut refused) = (Vec::new(), 0);
    for _ in 0..500 {
        let mut client = world.client().await;
        let _may_be_closed_already = client.try_send(Request::get("/open").bytes()).await;
        match client.try_answer(crate::harness::wire::Kind::Answer).await {
            Ok(Some(answer)) if answer.status() == 200 => served.push(client),
            Ok(Some(answer)) => {
                answer.assert_refused("overloaded");
                refused += 1;
            }
            // Too many refusals are being sent, or a reset was faster than the answer.
            Ok(None) | Err(_) => {}
        }
    }
    assert!(served.len() >= 16 && refused >= 16, "{} served, {refused} told", served.len());
    // Each of them may pay, and the backend is not said to be at fault.
    for client in &mut served {
        client.ask(Request::post("/pay").code(&world.code()).bytes()).await.assert_approved();
    }
    world.metric_reaches("yanma_limit_hits_total{limit=\"file_descriptors\"}", 400.0).await;
    assert_eq!(world.metric("yanma_limit_hits_total{limit=\"connections_max\"}").await, 0.0);
}

#[tokio::test]
async fn check_tells_of_few_descriptors() {
    let setup = Setup::new().await;
    let script = "ulimit -n 1024 && exec \"$1\" check --config \"$2\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(crate::harness::process::binary()).arg(setup.write());
    let output = command.output().await.expect("sh starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    names(&said, &["warning: this process may have 1024 file descriptors", "LimitNOFILE="]);
}

/// Whatever was counted wrong: a client that finds no descriptor left gets a refusal, and the
/// gateway opens later what it could not open.
#[tokio::test]
async fn a_process_without_descriptors_refuses_and_recovers() {
    let world = World::with("record.unverified_one_in = 1").await;
    // The connection that asked whether the gateway is ready may be open still or be closed, so
    // the one that is served throughout is opened before the descriptors are counted.
    let mut served = world.client().await;
    served.ask(Request::get("/nowhere").bytes()).await.assert_refused("route_not_found");
    let open = fs::read_dir(format!("/proc/{}/fd", world.process.pid())).expect("descriptors");
    let open = u64::try_from(open.count()).expect("few");
    let before = limit_descriptors(&world.process, Some(open));
    let mut held = Vec::new();
    eventually("a refusal", async || {
        let mut client = world.client().await;
        let _may_be_closed_already = client.try_send(Request::get("/nowhere").bytes()).await;
        let answer = client.try_answer(crate::harness::wire::Kind::Answer).await.ok()??;
        let is_refused = answer.status() == 503;
        if is_refused {
            answer.assert_refused("overloaded");
            names(answer.text(), &["too few file descriptors"]);
        }
        held.push(client);
        is_refused.then_some(())
    })
    .await;
    let record = world.directory().join("data/record");
    fs::remove_dir_all(&record).expect("the record");
    fs::create_dir(&record).expect("a directory");
    served.ask(Request::get("/nowhere").bytes()).await.assert_refused("route_not_found");
    says(&world, "the decision record cannot be written").await;
    limit_descriptors(&world.process, before);
    says(&world, "the decision record is written again").await;
    world.metric_reaches("yanma_limit_hits_total{limit=\"file_descriptors\"}", 1.0).await;
    let not_accepted = |why: &str| {
        let listener = &world.address;
        format!("yanma_accept_errors_total{{listener=\"{listener}\",why=\"{why}\"}}")
    };
    world.metric_reaches(&not_accepted("file_descriptors"), 1.0).await;
    world.metric_becomes(&not_accepted("aborted"), 0.0).await;
    world.pay(&world.code()).await.assert_approved();
    let said = world.process.said();
    assert_eq!(said.matches("accept on").count(), 1, "{said}");
}

async fn says(world: &World, sentence: &str) {
    eventually(sentence, async || world.process.said().contains(sentence).then_some(())).await;
}

fn limit_descriptors(process: &Process, limit: Option<u64>) -> Option<u64> {
    let pid = i32::try_from(process.pid()).ok().and_then(Pid::from_raw);
    let hard = descriptors_of(process).1.parse().ok();
    let limit = Rlimit { current: limit, maximum: hard };
    prlimit(pid, Resource::Nofile, limit).expect("a limit for our own child").current
}

// ---- Signals ----------------------------------------------------------------------------------

#[tokio::test]
async fn signals_that_ask_for_nothing_end_nothing() {
    let mut world = World::start().await;
    for signal in [Signal::USR1, Signal::XFSZ, Signal::PIPE] {
        world.signal(signal);
    }
    eventually("a sentence", async || {
        world.process.said().contains("SIGUSR1 asks for nothing here").then_some(())
    })
    .await;
    world.pay(&world.code()).await.assert_approved();
    assert!(world.process.is_running());
}

/// An operator who replaces the keyring may tell a process that only starts.
#[tokio::test]
async fn signals_that_come_while_a_process_starts_are_kept() {
    let setup = Setup::new().await;
    let data = setup.directory().join("data");
    fs::create_dir(&data).expect("a directory");
    let lock = fs::File::create(data.join("lock")).expect("a lock file");
    lock.lock().expect("a lock that is not poisoned");
    let path = setup.write();
    let config: toml::Table = fs::read_to_string(&path).expect("text").parse().expect("TOML");
    let admin = config["admin"]["address"].as_str().expect("an address");
    let arguments = ["serve", "--config", path.to_str().expect("plain letters")];
    let mut process = Process::start(setup.directory(), &arguments);
    let threads = format!("/proc/{}/task", process.pid());
    eventually("a process that waits for the lock", async || {
        let waits = |thread: fs::DirEntry| {
            fs::read_to_string(thread.path().join("comm")).is_ok_and(|name| name.trim() == "lock")
        };
        fs::read_dir(&threads).ok()?.flatten().any(waits).then_some(())
    })
    .await;
    process.signal(Signal::HUP);
    process.signal(Signal::USR1);
    lock.unlock().expect("our own lock");
    eventually("a gateway that is ready", async || {
        assert!(process.is_running(), "{}", process.said());
        is_ready(admin).await.then_some(())
    })
    .await;
    eventually("the reload", async || process.said().contains(" info reloaded: ").then_some(()))
        .await;
}

// ---- A full disk ------------------------------------------------------------------------------

/// Runs the gateway twice on a small file system of its own, which is full the second time.
const ON_A_FULL_DISK: &str = "mount -t tmpfs -o size=1m none data && mkdir -p data/record \
    && \"$@\"; dd if=/dev/zero of=data/fill bs=4k 2>/dev/null; exec \"$@\"";

#[tokio::test]
async fn a_start_on_a_full_disk_serves_on_as_before() {
    let Some(world) = restarted_on_a_full_disk("drop").await else { return };
    eventually("a gateway that is ready", async || is_ready(&world.admin).await.then_some(()))
        .await;
    world.pay(&world.code()).await.assert_approved();
    names(&world.process.said(), &["the decision record cannot be written", "No space left"]);
    assert!(world.metric("yanma_record_errors_total").await >= 1.0);
}

#[tokio::test]
async fn a_start_on_a_full_disk_refuses_if_so_told_and_heals() {
    let Some(world) = restarted_on_a_full_disk("refuse").await else { return };
    eventually("an answer of /readyz", async || {
        tokio::net::TcpStream::connect(&world.admin).await.ok()?;
        let page = world.admin("GET", "/readyz").await;
        (page.status() == 503 && page.text().contains("record: ")).then_some(())
    })
    .await;
    let code = world.code();
    world.pay(&code).await.assert_refused("overloaded");
    let root = format!("/proc/{}/root", world.process.pid());
    let fill = world.directory().join("data/fill");
    fs::remove_file(format!("{root}{}", fill.display())).expect("the file that fills the disk");
    eventually("a gateway that is ready", async || is_ready(&world.admin).await.then_some(()))
        .await;
    world.pay(&code).await.assert_approved();
}

/// `None`: this user may not mount.
async fn restarted_on_a_full_disk(when_full: &str) -> Option<World> {
    let namespace = namespace(&["--mount"]).await?;
    let overlay = format!("[record]\nwhen_full = \"{when_full}\"\nfree_mib_min = 0");
    let setup = Setup::new().await.config(&overlay);
    fs::create_dir(setup.directory().join("data")).expect("a directory");
    let through = [&namespace[..], &["sh", "-c", ON_A_FULL_DISK, "sh"]].concat();
    let world = setup.through(&through).start().await;
    world.pay(&world.code()).await.assert_approved();
    let gateway = child_of(&world.process);
    kill_process(gateway, Signal::KILL).expect("a signal to our own child");
    let gone = format!("/proc/{}", gateway.as_raw_nonzero());
    eventually("its end", async || (!Path::new(&gone).exists()).then_some(())).await;
    Some(world)
}

pub(super) fn child_of(process: &Process) -> Pid {
    let pid = i32::try_from(process.pid()).ok().and_then(Pid::from_raw);
    child_of_pid(pid.expect("a process id"))
}

fn child_of_pid(pid: Pid) -> Pid {
    let pid = pid.as_raw_nonzero();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("a list");
    let child = children.split_whitespace().next().expect("a child");
    Pid::from_raw(child.parse().expect("a process id")).expect("not 0")
}

/// How this user can have a namespace, if at all.
pub(super) async fn namespace(kind: &[&'static str]) -> Option<Vec<&'static str>> {
    for more in [&[][..], &["--map-root-user"]] {
        let words = [&["unshare"], more, kind].concat();
        let output = Command::new("unshare").args(&words[1..]).arg("true").output().await;
        if output.is_ok_and(|output| output.status.success()) {
            return Some(words);
        }
    }
    eprintln!("not tested: this user cannot have a namespace: {kind:?}");
    None
}

// ---- Modes and paths --------------------------------------------------------------------------

#[tokio::test]
async fn files_are_their_users_alone_whatever_the_umask() {
    for umask in ["000", "777"] {
        let setup = after(&format!("umask {umask}")).await;
        let socket = setup.directory().join("front.sock");
        let listener = format!("[[listener]]\naddress = \"unix:{}\"", socket.display());
        let world = setup.config(&listener).start().await;
        let data = world.directory().join("data");
        assert_eq!((mode(&data), mode(&data.join("record"))), (0o700, 0o700), "umask {umask}");
        assert_eq!(mode(&socket), 0o600, "umask {umask}");
        let mut seen = 0;
        for dir in [data.clone(), data.join("record")] {
            for entry in fs::read_dir(dir).expect("a directory") {
                let entry = entry.expect("an entry").path();
                let found = mode(&entry);
                assert!([0o600, 0o700].contains(&found), "{}: {found:o}", entry.display());
                seen += 1;
            }
        }
        assert!(seen >= 5, "lock, mark, replay, record and its file: {seen}");
    }
}

#[tokio::test]
async fn a_group_may_read_the_record_and_connect() {
    let setup = Setup::new().await;
    let socket = setup.directory().join("front.sock");
    let group = fs::metadata(setup.directory()).expect("a directory").gid();
    let setup = setup.config(&format!(
        "[record]\ndirectory = \"record\"\ngroup = \"{group}\"\n\
         [[listener]]\naddress = \"unix:{}\"\ngroup = \"{group}\"",
        socket.display()
    ));
    let world = setup.start().await;
    let record = world.directory().join("record");
    let file = fs::read_dir(&record).expect("a directory").next().expect("a file");
    let file = file.expect("an entry").path();
    assert_eq!((mode(&record), mode(&file), mode(&socket)), (0o750, 0o640, 0o660));
    for path in [&record, &file, &socket] {
        assert_eq!(fs::metadata(path).expect("a file").gid(), group);
    }
    let wrong = Setup::new().await.config("[record]\ndirectory = \"r\"\ngroup = \"no-such-group\"");
    let path = wrong.write();
    for command in ["check", "serve"] {
        let arguments = [command, "--config", path.to_str().expect("plain letters")];
        let output = run(wrong.directory(), &arguments).await;
        assert_eq!(output.status.code(), Some(78));
        names(&String::from_utf8_lossy(&output.stderr), &["[record] group", "no-such-group"]);
    }
}

#[tokio::test]
async fn a_data_directory_that_others_may_write_is_told() {
    let setup = Setup::new().await;
    let data = setup.directory().join("data");
    fs::create_dir(&data).expect("a directory");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(&data, open).expect("a mode");
    let path = setup.write();
    let arguments = ["check", "--config", path.to_str().expect("plain letters")];
    names(&run_well(setup.directory(), &arguments).await, &["mode 0777", "chmod go-w"]);
}

#[tokio::test]
async fn what_is_no_socket_of_ours_is_not_taken_away() {
    let setup = Setup::new().await;
    let path = setup.directory().join("front.sock");
    let listener = format!("[[listener]]\naddress = \"unix:{}\"", path.display());
    let mut setup = setup.config(&listener);
    let config = setup.write();
    fs::write(&path, "a letter").expect("a file");
    let link = path.with_extension("link");
    std::os::unix::fs::symlink(&path, &link).expect("a link");
    for at in [&path, &link] {
        setup = setup.config(&format!("[[listener]]\naddress = \"unix:{}\"", at.display()));
        setup.write();
        let arguments = ["serve", "--config", config.to_str().expect("plain letters")];
        let output = run(setup.directory(), &arguments).await;
        assert_eq!(output.status.code(), Some(1));
        names(&String::from_utf8_lossy(&output.stderr), &["cannot listen on", "no socket"]);
        assert_eq!(fs::read_to_string(&path).expect("the file"), "a letter");
    }
    fs::remove_file(&path).expect("the file");

    // Another program may put a file there meanwhile. The gateway leaves it at its end.
    let mut world = setup.config(&listener).start().await;
    assert!(fs::symlink_metadata(&path).expect("a socket").file_type().is_socket());
    fs::remove_file(&path).expect("the socket");
    let _other = std::os::unix::net::UnixListener::bind(&path).expect("another's socket");
    world.signal(Signal::TERM);
    assert!(world.process.ended().await.success());
    assert!(path.exists(), "another's socket is gone");
}

#[tokio::test]
async fn a_sandbox_does_not_write_over_a_gateways_settings() {
    let setup = Setup::new().await;
    let path = setup.write();
    let before = fs::read_to_string(&path).expect("settings");
    let output = run(setup.directory(), &["sandbox", "--data", "."]).await;
    assert_eq!(output.status.code(), Some(1));
    names(&String::from_utf8_lossy(&output.stderr), &["gateway.toml", "no sandbox wrote it"]);
    assert_eq!(fs::read_to_string(&path).expect("settings"), before);
}

/// A name in GBK, as older systems write 文件: no text in UTF-8.
#[tokio::test]
async fn a_directory_whose_name_is_no_utf_8() {
    let script = "D=$(printf '\\316\\304\\274\\376'); mkdir -p $D && cp -r keyring gateway.toml $D \
                  && exec \"$1\" serve --config \"$D/gateway.toml\"";
    let socket = "[[listener]]\naddress = \"unix:front.sock\"";
    let setup = Setup::new().await.through(&["sh", "-c", script, "sh"]);
    let mut world = setup.start().await;
    let spent = world.code();
    world.pay(&spent).await.assert_approved();
    world.crash().await;
    world.pay_more(&spent).await.assert_refused("code_used");
    let mut old = world.upgrade().await;
    assert!(old.ended().await.success());
    world.pay_more(&spent).await.assert_refused("code_used");
    world.signal(Signal::TERM);
    world.process.gone().await;

    // Its sockets too.
    world.write_config(socket);
    let config = world.config_path();
    let words = ["-c", script, "sh"].map(str::to_owned);
    let mut command = Command::new("sh");
    command.args(words).arg(crate::harness::process::binary()).args(["serve", "--config"]);
    let log = fs::File::create(world.directory().join("second.log")).expect("a log");
    command.arg(config).current_dir(world.directory()).stderr(log).kill_on_drop(true);
    let _process = command.spawn().expect("sh starts");
    let request = Request::post("/pay").code(&spent).body("other").bytes();
    let found = eventually("a socket", async || {
        let path = fs::read_dir(world.directory()).expect("a directory").find_map(|entry| {
            let path = entry.expect("an entry").path();
            path.to_str().is_none().then(|| path.join("front.sock"))
        });
        path.filter(|path| path.exists())
    })
    .await;
    Client::connect_unix(&found).await.ask(request).await.assert_refused("code_used");
}

// ---- Who watches the process ------------------------------------------------------------------

#[tokio::test]
async fn process_1_of_a_container_does_not_hand_over() {
    let in_container = ["--pid", "--fork", "--kill-child", "--mount-proc"];
    let Some(namespace) = namespace(&in_container).await else { return };
    let as_a_child = [&namespace[..], &["sh", "-c", "\"$@\"; exit $?", "sh"]].concat();
    for (through, word) in [(namespace, "this is process 1"), (as_a_child, "sh, process 1")] {
        let world = Setup::new().await.through(&through).start().await;
        let mut gateway = child_of(&world.process);
        if word.starts_with("sh") {
            gateway = child_of_pid(gateway);
        }
        kill_process(gateway, Signal::USR2).expect("a signal to our own child");
        eventually("a refusal", async || {
            let said = world.process.said();
            assert!(!said.contains("handed over"), "{said}");
            (said.contains(word) && said.contains("replace the container")).then_some(())
        })
        .await;
        world.pay(&world.code()).await.assert_approved();
    }
}

/// A service manager in the abstract space, as one in a container often is.
#[tokio::test]
async fn a_service_manager_without_a_file_is_told() {
    let name = format!("yanma-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("a name");
    let manager = UnixDatagram::bind_addr(&address).expect("a socket");
    manager.set_nonblocking(true).expect("a socket of ours");
    let mut world =
        Setup::new().await.environment("NOTIFY_SOCKET", &format!("@{name}")).start().await;
    world.signal(Signal::TERM);
    assert!(world.process.ended().await.success());
    let mut message = [0; 256];
    let mut told = || {
        let bytes = manager.recv(&mut message).unwrap_or_default();
        String::from_utf8_lossy(&message[..bytes]).into_owned()
    };
    assert_eq!(told(), format!("MAINPID={}\nREADY=1\n", world.process.pid()));
    assert_eq!(told(), "STOPPING=1\n");
}
