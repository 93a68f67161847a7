//! What one connection may hold of what all share: places at backends.
//!
//! An HTTP/1 connection holds one. One HTTP/2 connection could hold all of a small backend's, so it
//! gets half of them: the other half is always there for others. It is half and not less, because
//! a proxy in front may bring all of a hospital's requests on a few connections.

use std::{cell::RefCell, rc::Rc};

/// The places that one connection holds, by backend.
#[derive(Debug, Default)]
pub(crate) struct Shares(RefCell<Vec<Held>>);

#[derive(Debug)]
struct Held {
    backend: usize,
    places: usize,
}

/// One place of the connection's share; dropping it ends that.
#[derive(Debug)]
pub(crate) struct Share {
    shares: Rc<Shares>,
    backend: usize,
}

impl Shares {
    /// One more place at `backend`, whatever number stands for it. `None`: it has `places_max`.
    pub(crate) fn enter(self: &Rc<Self>, backend: usize, places_max: usize) -> Option<Share> {
        let mut all = self.0.borrow_mut();
        match all.iter_mut().find(|held| held.backend == backend) {
            Some(held) if held.places >= places_max => return None,
            Some(held) => held.places += 1,
            None if places_max == 0 => return None,
            None => all.push(Held { backend, places: 1 }),
        }
        Some(Share { shares: Rc::clone(self), backend })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut all = self.shares.0.borrow_mut();
        if let Some(index) = all.iter().position(|held| held.backend == self.backend)
            && let Some(held) = all.get_mut(index)
        {
            held.places -= 1;
            if held.places == 0 {
                all.swap_remove(index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_of_one_backend_and_is_free_again_when_dropped() {
        let shares = Rc::new(Shares::default());
        let first = shares.enter(1, 2).expect("a place");
        let _second = shares.enter(1, 2).expect("a place");
        assert!(shares.enter(1, 2).is_none());
        let other = shares.enter(2, 1).expect("another backend's place");
        assert!(shares.enter(2, 1).is_none());
        drop(first);
        let _third = shares.enter(1, 2).expect("a place again");
        drop(other);
        assert_eq!(shares.0.borrow().len(), 1, "what is not held takes no room");
        assert!(shares.enter(2, 0).is_none());
    }
}
