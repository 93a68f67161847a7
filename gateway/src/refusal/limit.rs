//! The limits of which a refusal, a closed connection or an answer that is not kept may come.

use super::labels::labels;

labels! {
    /// A limit for the sake of which something was refused, closed or not kept. Its label is the key of the
    /// configuration that raises it, where there is one.
    pub enum Limit {
        /// Client connections over all listeners, or a worker's queue of new ones.
        Connections = "connections_max",
        /// Requests over all workers.
        RequestsInFlight = "requests_in_flight_max",
        /// Header lines of a request.
        Headers = "header_count_max",
        /// Time for a request's head.
        HeaderTime = "header_ms",
        /// Bytes of a request's body.
        BodyBytes = "body_bytes_max",
        /// Memory for all bodies that are held whole.
        BodyMemory = "body_memory_mib",
        /// Requests at once with one code.
        CodeRequests = "code_requests_max",
        /// Requests at one backend at once.
        BackendConnections = "backend_connections_max",
        /// One connection's share of them.
        BackendShare = "backend_connections_share",
        /// Slots of the replay table: a probe path held only living ones.
        Replay = "replay_capacity",
        /// Bytes of an answer on a redeem route: it was passed on as it came, and not stored.
        ReplyBytes = "reply_bytes_max",
        /// Memory for stored answers.
        RetryBytes = "retry_store_mib",
        /// Number of stored answers.
        RetryEntries = "retry_entries_max",
        /// One caller's share of the memory for stored answers.
        RetryCaller = "retry_caller_share_percent",
        /// Time of the registers to take an answer: less than a majority has it.
        RetryRegisters = "retry_registers",
        /// Decisions that wait to be recorded: there was no place for another one.
        Record = "record_queue_entries",
        /// Descriptors, memory or local ports of this machine: there was no socket to a backend.
        BackendSockets = "backend_sockets",
        /// Requests at once on one HTTP/2 connection.
        H2Streams = "h2_streams_max",
        /// HTTP/2 frames of a connection that ask for nothing.
        H2Control = "h2_control",
        /// HTTP/2 requests of a connection that its client dropped while they were worked on.
        H2Cut = "h2_cut",
        /// File descriptors of the process: none was free for a new connection, or those that are
        /// left are kept for backends.
        Accept = "file_descriptors",
    }
}
