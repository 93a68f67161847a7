//! Five invented people and their phones: what a phone itself knows. It is kept in `people.json`.
//!
//! Freezes, unbindings and removed members are no part of it: the gateway's account states hold them.
//!
//! | file | what it knows |
//! |---|---|
//! | `person.rs` | who the people are |
//! | `phone.rs` | what a phone knows, and a family |
//! | `password.rs` | payment passwords, as salted hashes |
//! | `store.rs` | the file: read strictly, written aside and renamed |

mod password;
mod person;
mod phone;
mod store;

pub(super) use self::password::PasswordHash;
pub(super) use self::person::{PEOPLE, Person};
pub(super) use self::phone::{Activation, Family, MEMBERS_MAX, Member, PHONES_MAX, Phone};
pub(super) use self::store::{Contents, People};
