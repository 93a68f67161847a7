#![doc = include_str!("../README.md")]

mod cert_type;
mod charset;
mod content_type;
mod found;
mod infno;
mod malformed;
mod names;
mod pointer;
mod query;
mod walk;

pub use self::{
    cert_type::{BadCertType, CertType},
    charset::{Charset, UnknownCharset},
    content_type::{Declared, check_type},
    found::Found,
    infno::{BadInfno, BadTable, Infno, InfnoTable, Rule},
    malformed::{Malformed, Why},
    pointer::{At, BadPointer, Pointer, Pointers},
    query::{check_query, query_names},
    walk::walk,
};
