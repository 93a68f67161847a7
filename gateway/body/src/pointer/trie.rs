//! All pointers of one route as a trie, so that one walk serves them all.

use super::Pointer;
use crate::names::PlainName;

/// The pointers of one route. Built once, when the configuration is loaded.
#[derive(Debug, Clone)]
pub struct Pointers {
    root: Node,
    /// How many nodes there are, the root included. Each has a place in a walk's findings.
    nodes: usize,
    ends: Vec<End>,
}

/// Which of the pointers: a handle for what a walk has found there.
///
/// It belongs to the [`Pointers`] that gave it.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct At(usize);

/// One name on the way of pointers.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) id: usize,
    pub(crate) step: Box<str>,
    pub(crate) plain: PlainName,
    /// Whether a pointer ends here.
    pub(crate) is_wanted: bool,
    pub(crate) children: Vec<Node>,
}

#[derive(Debug, Clone)]
struct End {
    pointer: Pointer,
    /// The nodes on the way, the root first and the wanted one last.
    way: Vec<usize>,
}

impl Default for Pointers {
    fn default() -> Self {
        Self { root: Node::new(0, ""), nodes: 1, ends: Vec::new() }
    }
}

impl Pointers {
    /// Adds a pointer. One that is there already keeps its handle.
    pub fn add(&mut self, pointer: &Pointer) -> At {
        if let Some(known) = self.ends.iter().position(|end| end.pointer == *pointer) {
            return At(known);
        }
        let mut way = vec![self.root.id];
        let mut node = &mut self.root;
        for step in pointer.steps() {
            node = node.child(step, &mut self.nodes);
            way.push(node.id);
        }
        node.is_wanted = true;
        self.ends.push(End { pointer: pointer.clone(), way });
        At(self.ends.len() - 1)
    }

    /// Whether there are none: then the body need not be read.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The pointer of a handle.
    pub fn pointer(&self, at: At) -> Option<&Pointer> {
        self.ends.get(at.0).map(|end| &end.pointer)
    }

    pub(crate) fn root(&self) -> &Node {
        &self.root
    }

    pub(crate) fn nodes(&self) -> usize {
        self.nodes
    }

    /// The pointer of a handle, and the nodes on its way.
    pub(crate) fn way(&self, at: At) -> Option<(&Pointer, &[usize])> {
        self.ends.get(at.0).map(|end| (&end.pointer, end.way.as_slice()))
    }
}

impl Node {
    fn new(id: usize, step: &str) -> Self {
        let plain = PlainName::of(step);
        Self { id, step: step.into(), plain, is_wanted: false, children: Vec::new() }
    }

    /// The child of that name, made if it is not there.
    fn child(&mut self, step: &str, nodes: &mut usize) -> &mut Self {
        let known = self.children.iter().position(|child| *child.step == *step);
        let at = known.unwrap_or(self.children.len());
        if known.is_none() {
            self.children.push(Self::new(*nodes, step));
            *nodes += 1;
        }
        #[expect(clippy::indexing_slicing, reason = "the child was found there or put there")]
        &mut self.children[at]
    }
}

#[cfg(test)]
mod tests {
    use super::{Pointer, Pointers};

    fn pointer(text: &str) -> Pointer {
        text.parse().expect("a pointer")
    }

    #[test]
    fn pointers_share_the_nodes_of_their_first_steps() {
        let mut pointers = Pointers::default();
        assert!(pointers.is_empty());
        let first = pointers.add(&pointer("/input/data/a"));
        let second = pointers.add(&pointer("/input/data/b"));
        let inner = pointers.add(&pointer("/input"));
        assert_eq!(pointers.add(&pointer("/input/data/a")), first);
        assert_eq!(pointers.nodes(), 5);
        assert!(!pointers.is_empty());
        assert_eq!(pointers.pointer(second), Some(&pointer("/input/data/b")));
        let way = |at| pointers.way(at).map(|(_, way)| way.to_vec());
        assert_eq!(way(first), Some(vec![0, 1, 2, 3]));
        assert_eq!(way(second), Some(vec![0, 1, 2, 4]));
        assert_eq!(way(inner), Some(vec![0, 1]));
    }

    #[test]
    fn steps_that_differ_in_case_are_two_nodes() {
        let mut pointers = Pointers::default();
        let lower = pointers.add(&pointer("/a"));
        assert_ne!(pointers.add(&pointer("/A")), lower);
        assert_eq!(pointers.nodes(), 3);
    }
}
