//! What a sampled trace costs a request: reading `traceparent`, a span of ours, the new value in its
//! place. A request without the flag pays nothing of it. `config/gateway.toml`, `[trace]`.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use gateway::{
    http::traceparent::{TRACEPARENT, TraceParent},
    request_id::RequestIds,
};
use http::{HeaderMap, HeaderValue};

const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn trace(criterion: &mut Criterion) {
    let ids = RequestIds::new([1, 2]);
    let mut headers = HeaderMap::new();
    for name in ["host", "content-type", "content-length", "yanma-code", "x-request-id"] {
        headers.insert(name, HeaderValue::from_static("x"));
    }
    headers.insert(TRACEPARENT, HeaderValue::from_static(SAMPLED));
    let mut group = criterion.benchmark_group("trace");
    group.bench_function("span", |b| {
        let begin = |headers: &mut HeaderMap| {
            let mut values = headers.get_all(TRACEPARENT).iter();
            let trace = values.next().and_then(|value| TraceParent::parse(value.as_bytes()));
            let trace = trace.filter(TraceParent::is_sampled).expect("a sampled trace");
            assert!(values.next().is_none(), "one value");
            headers.insert(TRACEPARENT, trace.child(ids.next_span()));
        };
        b.iter_batched_ref(
            || headers.clone(),
            |headers| begin(black_box(headers)),
            BatchSize::SmallInput,
        )
    });
    group.finish();
}

criterion_group!(benches, trace);
criterion_main!(benches);
