//! The programs of `tests/samples`, built once, and run as a till runs them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::harness::project::root;

/// A virtual machine starts slowly where many tests run.
const PATIENCE: Duration = Duration::from_secs(90);

/// A program that can be run here.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) file: &'static str,
    command: Vec<String>,
}

/// What a program did.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) exit: Option<i32>,
    /// What the cashier reads, line by line.
    pub(super) screen: Vec<String>,
    /// What support reads.
    pub(super) log: String,
}

impl Program {
    /// Pays a bill at the till of `gateway`; `scans` are what the scanner types, one a line.
    pub(super) async fn pay(
        &self,
        gateway: &str,
        bill: &str,
        scans: &[&str],
        more: &[&str],
    ) -> Run {
        let [first, rest @ ..] = self.command.as_slice() else { panic!("an empty command") };
        let mut command = tokio::process::Command::new(first);
        command.args(rest).args([&format!("http://{gateway}"), bill, "12.30"]).args(more);
        // Sentences are Chinese on every machine, and no proxy is asked.
        command.env("LC_ALL", "C").env("http_proxy", "http://127.0.0.1:1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().expect("tests/run installs it");
        let mut scanner = child.stdin.take().expect("a pipe");
        let typed: String = scans.iter().map(|scan| format!("{scan}\r\n")).collect();
        scanner.write_all(typed.as_bytes()).await.expect("a program that reads");
        drop(scanner);
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
        let output = output.unwrap_or_else(|_| panic!("{}: not ended in {PATIENCE:?}", self.file));
        let output = output.expect("a child of ours");
        let screen = String::from_utf8(output.stdout).expect("UTF-8");
        Run {
            exit: output.status.code(),
            screen: screen.lines().map(str::to_owned).collect(),
            log: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

type Build = fn() -> Program;

/// Those that run on this machine: Python, Java and C# always, Go and Pascal where they are installed.
pub(super) fn programs() -> &'static [Program] {
    static PROGRAMS: OnceLock<Vec<Program>> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let mut programs = vec![python(), java(), c_sharp()];
        let others: [(&str, Build); 2] = [("go", go), ("fpc", pascal)];
        for (tool, program) in others {
            if is_installed(tool) { programs.push(program()) } else { say_not_run(tool) }
        }
        programs
    })
}

/// A sample's own file.
pub(super) fn sample(file: &str) -> PathBuf {
    root().join("tests/samples").join(file)
}

fn python() -> Program {
    Program { file: "pay.py", command: vec!["python3".to_owned(), text(&sample("pay.py"))] }
}

fn java() -> Program {
    let (made, file) = (made("java"), "Pay.java");
    let options = ["--release", "11", "-encoding", "UTF-8", "-Xlint:all", "-Werror", "-d"];
    build("javac", &options, &[&made, &sample(file)]);
    let options = ["java", "-Djdk.httpclient.disableRetryConnect=true", "-cp"];
    let mut command: Vec<String> = options.map(str::to_owned).to_vec();
    command.extend([text(&made), "Pay".to_owned()]);
    Program { file, command }
}

fn c_sharp() -> Program {
    let (made, file) = (made("c-sharp").join("Pay.exe"), "Pay.cs");
    let out = format!("-out:{}", text(&made));
    build("mcs", &["-langversion:5", "-warnaserror", &out], &[&sample(file)]);
    Program { file, command: vec!["mono".to_owned(), text(&made)] }
}

fn go() -> Program {
    let (made, file) = (made("go").join("pay"), "pay.go");
    build("go", &["build", "-o"], &[&made, &sample(file)]);
    Program { file, command: vec![text(&made)] }
}

fn pascal() -> Program {
    let (made, file) = (made("pascal"), "pay.pas");
    build("fpc", &["-v0", &format!("-FE{}", text(&made))], &[&sample(file)]);
    Program { file, command: vec![text(&made.join("pay"))] }
}

fn is_installed(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(tool).is_file())
}

fn say_not_run(tool: &str) {
    eprintln!("the sample for {tool}: NOT RUN, {tool} is not installed here");
}

/// Where a sample is built.
fn made(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("samples").join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn build(tool: &str, options: &[&str], files: &[&Path]) {
    let output = Command::new(tool).args(options).args(files).output();
    let output = output.unwrap_or_else(|error| panic!("{tool}: {error}; tests/run installs it"));
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{tool} {files:?}: {}", String::from_utf8_lossy(&said));
}

fn text(path: &Path) -> String {
    path.to_str().expect("plain letters").to_owned()
}
