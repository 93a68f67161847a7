//! HTTP between clients, the gateway and backends.

mod answers;
mod bodies;
mod bounds;
mod closing;
mod framing;
mod messages;
mod parking;
mod paths;
mod routing;
mod scrub;
mod shapes;
mod strict;
mod upstream;
