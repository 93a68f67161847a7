//! The load: codes made as they are sent, connections, and threads that start each request on time.
//!
//! | module | what is there |
//! |---|---|
//! | [`signer`] | fast signatures with throw-away keys |
//! | [`codes`] | chooses class, key and time of each code, and remembers codes for replays |
//! | [`client`] | connections of HTTP/1.1 and HTTP/2, idle ones, and the dispatcher of a thread |
//! | [`changes`] | changes of accounts while the load runs |
//! | [`pacer`] | makes each start when it is due |
//! | [`threads`] | the load threads |

pub mod changes;
pub mod client;
pub mod codes;
pub mod pacer;
pub mod signer;
pub mod threads;
