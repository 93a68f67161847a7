//! The OpenTelemetry collector's file. The collector itself is not run here.

use std::collections::BTreeSet;

use serde_json::Value;

use super::yaml;

fn names(table: &Value) -> BTreeSet<&str> {
    table.as_object().expect("a table").keys().map(String::as_str).collect()
}

fn listed(list: &Value) -> BTreeSet<&str> {
    list.as_array().expect("a list").iter().map(|name| name.as_str().expect("a name")).collect()
}

#[tokio::test]
async fn each_part_of_the_collector_is_defined_and_used() {
    let documents = yaml("deploy/otel.yaml").await;
    let [file] = documents.as_slice() else { panic!("one document: {documents:?}") };
    let pipelines = file["service"]["pipelines"].as_object().expect("pipelines");
    assert_eq!(pipelines.len(), 1);
    for kind in ["receivers", "processors", "exporters"] {
        assert_eq!(listed(&pipelines["traces"][kind]), names(&file[kind]), "{kind}");
    }
    assert_eq!(listed(&file["service"]["extensions"]), names(&file["extensions"]));
    assert_eq!(names(&file["receivers"]), BTreeSet::from(["otlpjsonfile"]));
    assert_eq!(names(&file["exporters"]), BTreeSet::from(["otlp"]));
    for user in [&file["receivers"]["otlpjsonfile"], &file["exporters"]["otlp"]["sending_queue"]] {
        let storage = user["storage"].as_str().expect("a storage");
        assert!(names(&file["extensions"]).contains(storage), "{storage}");
    }
}
