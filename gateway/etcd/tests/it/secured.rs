//! Mutual TLS: a member that asks for a certificate, and a node with one and without.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use etcd::{Settings, Tls};

use crate::{cluster::await_that, node::block_on, turn};

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn openssl(folder: &Path, line: &str) {
    let output = Command::new("openssl")
        .args(line.split(' '))
        .current_dir(folder)
        .output()
        .expect("openssl starts; tests/run installs it");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An authority, and a certificate of it that serves a member and a node alike.
fn make_certificates(folder: &Path, authority: &str) {
    const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
    openssl(
        folder,
        &format!("req -x509 {KEY} -keyout {authority}.key -out {authority}.pem -subj /CN=ca"),
    );
    fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    openssl(
        folder,
        &format!("req {KEY} -keyout {authority}-node.key -out node.csr -subj /CN=yanma")
            .replace(" -days 2", ""),
    );
    openssl(
        folder,
        &format!(
            "x509 -req -in node.csr -CA {authority}.pem -CAkey {authority}.key -CAcreateserial \
             -out {authority}-node.pem -days 2 -extfile names"
        ),
    );
}

#[test]
fn a_node_and_its_members_show_each_other_certificates() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    make_certificates(path, "good");
    make_certificates(path, "other");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = format!("https://127.0.0.1:{port}");
    let child = Command::new("etcd")
        .args(["--name", "m", "--data-dir", "m", "--log-level", "error", "--logger", "zap"])
        .args(["--listen-client-urls", &url, "--advertise-client-urls", &url])
        .args(["--listen-peer-urls", "http://127.0.0.1:0"])
        .args(["--cert-file", "good-node.pem", "--key-file", "good-node.key"])
        .args(["--trusted-ca-file", "good.pem", "--client-cert-auth"])
        .current_dir(path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("etcd starts; tests/run installs it");
    let _server = Server(child);
    let fault = |ca: &str, own: &str| {
        let read = |name: String| fs::read(path.join(name)).unwrap();
        let tls = Tls {
            ca: read(format!("{ca}.pem")),
            cert: read(format!("{own}-node.pem")),
            key: read(format!("{own}-node.key")).into(),
        };
        let seen = path.join("seen");
        let settings = Settings::new(&[&url], Some(&tls), true, seen, 180).unwrap();
        block_on(etcd::check(&settings)).remove(0).fault
    };
    await_that("the member answers", || fault("good", "good").is_none());
    let of_another_authority = fault("other", "good").unwrap();
    assert!(of_another_authority.contains("certificate"), "{of_another_authority}");
    assert!(fault("good", "other").is_some());
}
