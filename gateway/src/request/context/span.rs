//! The gateway's own span in a client's trace.

use http::{Method, Request};

use super::RequestContext;
use crate::http::traceparent::{TRACEPARENT, TraceParent};
use record::Span;

impl RequestContext {
    /// Begins a span in the client's trace, if that is sampled: the backend sees this span as its parent.
    /// A field that stands twice says nothing.
    #[cold]
    pub(crate) fn begin_span<B>(&self, request: &mut Request<B>) {
        let mut values = request.headers().get_all(TRACEPARENT).iter();
        let trace = values.next().and_then(|value| TraceParent::parse(value.as_bytes()));
        let Some(trace) = trace.filter(TraceParent::is_sampled) else { return };
        if values.next().is_some() {
            return;
        }
        let id = self.worker.request_ids.next_span();
        let method = method(request.method());
        request.headers_mut().insert(TRACEPARENT, trace.child(id));
        if self.worker.record().is_on() {
            self.note(|trail| trail.set_span(Span { id, parent_id: trace.parent_id, method }));
        }
    }
}

/// The method as OpenTelemetry names it: what is not well known is `_OTHER`.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}
