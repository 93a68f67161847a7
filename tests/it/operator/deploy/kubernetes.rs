//! Both Kubernetes files, and the configuration in them.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;

use serde_json::{Value, json};
use tokio::process::Command;

use super::{run_tool, said, yaml};
use crate::harness::keys::{self, WECHAT};
use crate::harness::process::{binary, run_well};
use crate::harness::soon;

const FILES: [&str; 2] = ["deploy/kubernetes.yaml", "deploy/kubernetes-local.yaml"];
/// Between the end of the drain and the kill: what threads get, and a margin.
const MARGIN_S: i64 = 5;
/// The user of the image.
const USER: u32 = 65_532;

/// The documents of one kind.
async fn all_of(file: &str, kind: &str) -> Vec<Value> {
    yaml(file).await.into_iter().filter(|one| one["kind"] == kind).collect()
}

async fn one_of(file: &str, kinds: &[&str]) -> Value {
    let all = yaml(file).await;
    let mut found = all.into_iter().filter(|one| kinds.iter().any(|kind| one["kind"] == **kind));
    let one = found.next().unwrap_or_else(|| panic!("{file}: no {kinds:?}"));
    assert!(found.next().is_none(), "{file}: several {kinds:?}");
    one
}

async fn workload(file: &str) -> Value {
    one_of(file, &["Deployment", "StatefulSet"]).await
}

async fn gateway_toml(file: &str) -> String {
    let map = one_of(file, &["ConfigMap"]).await;
    map["data"]["gateway.toml"].as_str().expect("a configuration").to_owned()
}

#[tokio::test]
async fn each_document_is_of_its_schema() {
    for file in FILES {
        let path = format!("config/{file}");
        let output = run_tool("kubernetes-validate", &["--strict", &path]).await;
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(said(&output).matches(" passed ").count(), yaml(file).await.len(), "{file}");
    }
}

/// With a keyring as a Secret is mounted: links into a hidden folder, files of root, readable by the
/// pod's group. Run by root, the test reads it as the image's user.
#[tokio::test]
async fn the_configuration_passes_the_check() {
    for file in FILES {
        let directory = tempfile::tempdir().expect("a directory");
        let keyring = directory.path().join("keyring");
        mount_secret(&keyring);
        let here = directory.path().to_str().expect("plain letters");
        let text = gateway_toml(file)
            .await
            .replace("/etc/yanma-keyring", keyring.to_str().expect("plain letters"))
            .replace("environment = \"production\"", "environment = \"test\"")
            .replace("\"/var/", &format!("\"{here}/var/"));
        let path = directory.path().join("gateway.toml");
        fs::write(&path, &text).expect("gateway.toml");
        let arguments = ["check", "--config", path.to_str().expect("plain letters")];
        let printed = if rustix::process::geteuid().is_root() {
            let open = fs::Permissions::from_mode(0o755);
            fs::set_permissions(directory.path(), open).expect("a mode");
            // The program may lie where that user cannot go. Another process copies it: a handle for
            // writing that a child of this one got would keep it from being run.
            let program = directory.path().join("yanma");
            let (from, to) = (binary().to_str(), program.to_str());
            run_tool("cp", &[from.expect("plain letters"), to.expect("plain letters")]).await;
            let (user, group) = (USER.to_string(), USER.to_string());
            let mut command = Command::new("setpriv");
            command.args(["--reuid", &user, "--regid", &group, "--clear-groups"]);
            let output = command.arg(program).args(arguments).output();
            let output = soon("yanma check", output).await.expect("setpriv of util-linux");
            assert!(output.status.success(), "{file}: {}", said(&output));
            said(&output)
        } else {
            run_well(directory.path(), &arguments).await
        };
        let workload = workload(file).await;
        let container = &workload["spec"]["template"]["spec"]["containers"][0];
        let limit = container["resources"]["limits"]["memory"].as_str().expect("a size");
        let limit_mib = mib(&[limit.trim_end_matches("Gi"), "GiB"]).expect("a size");
        let counted_mib = memory_mib(&printed);
        assert!(counted_mib > 100.0 && counted_mib < limit_mib, "{file}: {counted_mib} MiB");
        assert!(fits(&text, &workload), "{file}: {text}");
    }
}

/// The sum of what `yanma check` says of memory.
fn memory_mib(printed: &str) -> f64 {
    let (_, parts) = printed.split_once("memory, at most\n").expect("a list");
    let parts = parts.lines().take_while(|line| line.starts_with("  "));
    parts
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.windows(2).find_map(mib).unwrap_or_else(|| panic!("no size: {line}"))
        })
        .sum()
}

/// A number and its unit.
fn mib(words: &[&str]) -> Option<f64> {
    let factor = match words[1] {
        "B" => 1.0 / 1_048_576.0,
        "KiB" => 1.0 / 1_024.0,
        "MiB" => 1.0,
        "GiB" => 1_024.0,
        _ => return None,
    };
    Some(words[0].parse::<f64>().ok()? * factor)
}

/// A folder as the kubelet makes it. Without root its files are this user's, and strict.
fn mount_secret(folder: &Path) {
    let real = folder.join("..2026_11_28");
    keys::write_keyring(&real, &[WECHAT]);
    let is_root = rustix::process::geteuid().is_root();
    for entry in fs::read_dir(&real).expect("a directory") {
        let path = entry.expect("an entry").path();
        if is_root {
            chown(&path, Some(0), Some(USER)).expect("root may");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).expect("a mode");
        }
        let name = path.file_name().expect("a name");
        symlink(Path::new("..data").join(name), folder.join(name)).expect("a link");
    }
    symlink("..2026_11_28", folder.join("..data")).expect("a link");
}

/// Whether the workload gives what its configuration asks for.
fn fits(text: &str, workload: &Value) -> bool {
    let config: toml::Table = text.parse().expect("TOML");
    let store = config["replay"]["store"].as_str().expect("a store");
    let nodes = config["replay"]["nodes"].as_integer().expect("a number");
    assert_eq!(workload["spec"]["replicas"], nodes, "replicas and replay.nodes");
    match store {
        "registers" => workload["kind"] == "Deployment" && nodes > 1,
        "local" => workload["kind"] == "StatefulSet" && nodes == 1,
        _ => false,
    }
}

/// The time between SIGTERM and SIGKILL holds the whole drain.
#[tokio::test]
async fn the_grace_period_is_that_of_the_configuration() {
    for file in FILES {
        let config: toml::Table = gateway_toml(file).await.parse().expect("TOML");
        let ms = |key: &str| config["server"][key].as_integer().expect("a number");
        let drain_ms = ms("drain_delay_ms") + ms("drain_timeout_ms");
        let pod = workload(file).await["spec"]["template"]["spec"].clone();
        let grace = &pod["terminationGracePeriodSeconds"];
        assert_eq!(*grace, drain_ms / 1_000 + MARGIN_S, "{file}");
        assert!(pod["containers"][0]["lifecycle"].is_null(), "the delay stands for a preStop hook");
        // A settlement that runs when the drain begins ends before it does.
        let slowest = config["backend"].as_array().expect("backends").iter();
        let slowest = slowest.map(|one| one["timeout_ms"].as_integer().expect("a number")).max();
        assert!(slowest.expect("a backend") < ms("drain_timeout_ms"), "{file}");
        // The probe says no and is heard before the listener closes.
        let probe = &pod["containers"][0]["readinessProbe"];
        let number = |key: &str| probe[key].as_i64().expect("a number");
        let heard_s = number("periodSeconds") * number("failureThreshold");
        assert!(heard_s * 1_000 < ms("drain_delay_ms"), "{file}");
    }
}

/// What Kubernetes' level "restricted" asks for, and a root file system that nothing writes to.
#[tokio::test]
async fn the_pod_has_no_rights_that_it_does_not_need() {
    for file in FILES {
        let pod = workload(file).await["spec"]["template"]["spec"].clone();
        let of_pod = &pod["securityContext"];
        assert_eq!(of_pod["runAsNonRoot"], true, "{file}");
        for id in ["runAsUser", "runAsGroup", "fsGroup"] {
            assert_eq!(of_pod[id], USER, "{file}: {id}");
        }
        assert_eq!(of_pod["seccompProfile"]["type"], "RuntimeDefault");
        assert_eq!(pod["automountServiceAccountToken"], false);
        let container = &pod["containers"][0];
        let wanted = json!({
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        });
        assert_eq!(container["securityContext"], wanted, "{file}");
        let writable = container["volumeMounts"].as_array().expect("mounts").iter();
        let writable: Vec<&str> = writable
            .filter(|mount| mount["readOnly"] != true)
            .map(|mount| mount["mountPath"].as_str().expect("a path"))
            .collect();
        let config: toml::Table = gateway_toml(file).await.parse().expect("TOML");
        let data = config["server"]["data_dir"].as_str().expect("a path");
        assert!(writable.iter().any(|path| data.starts_with(path)), "{writable:?}");
    }
}

/// The ports of probes, services and annotations are those on which the gateway listens.
#[tokio::test]
async fn ports_lead_to_their_listeners() {
    for file in FILES {
        let config: toml::Table = gateway_toml(file).await.parse().expect("TOML");
        let port = |address: &toml::Value| -> i64 {
            let address = address.as_str().expect("an address");
            address.rsplit_once(':').expect("a port").1.parse().expect("a number")
        };
        let (clients, admin) =
            (port(&config["listener"][0]["address"]), port(&config["admin"]["address"]));
        let template = workload(file).await["spec"]["template"].clone();
        let container = &template["spec"]["containers"][0];
        let wanted = json!([
            { "name": "gateway", "containerPort": clients },
            { "name": "admin", "containerPort": admin },
        ]);
        assert_eq!(container["ports"], wanted, "{file}");
        for (probe, path) in [
            ("startupProbe", "/healthz"),
            ("livenessProbe", "/healthz"),
            ("readinessProbe", "/readyz"),
        ] {
            let get = &container[probe]["httpGet"];
            assert_eq!(*get, json!({ "path": path, "port": "admin" }), "{file}: {probe}");
        }
        let annotation = &template["metadata"]["annotations"]["prometheus.io/port"];
        assert_eq!(*annotation, admin.to_string());
        for service in all_of(file, "Service").await {
            let port = &service["spec"]["ports"][0];
            let wanted = if port["name"] == "admin" { admin } else { clients };
            assert_eq!(port["port"], wanted, "{file}");
            assert_eq!(service["spec"]["clusterIP"] == "None", port["name"] == "admin");
            let labels = &template["metadata"]["labels"];
            assert_eq!(service["spec"]["selector"], *labels, "{file}: a service of these pods");
        }
    }
}

/// No two gateways that remember alone, whichever files are applied.
#[tokio::test]
async fn a_second_local_gateway_cannot_come_by_mistake() {
    let [shared, local] = FILES;
    let workload = workload(local).await;
    let pod = &workload["spec"]["template"]["spec"];
    let claim = one_of(local, &["PersistentVolumeClaim"]).await;
    assert_eq!(claim["spec"]["accessModes"], json!(["ReadWriteOncePod"]));
    assert!(workload["spec"]["volumeClaimTemplates"].is_null(), "one volume, not one a replica");
    let volumes = pod["volumes"].as_array().expect("volumes");
    let data = volumes.iter().find(|volume| volume["name"] == "data").expect("data");
    assert_eq!(data["persistentVolumeClaim"]["claimName"], claim["metadata"]["name"]);
    let key = |one: &Value| format!("{} {}", one["kind"], one["metadata"]["name"]);
    let names: Vec<String> = yaml(shared).await.iter().map(key).collect();
    for one in yaml(local).await {
        assert!(!names.contains(&key(&one)), "{} is in both files", key(&one));
    }
    let pods = &super::kubernetes::workload(shared).await["spec"]["template"]["metadata"]["labels"];
    assert_ne!(workload["spec"]["template"]["metadata"]["labels"], *pods);
}
