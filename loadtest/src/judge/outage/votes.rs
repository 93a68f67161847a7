//! Which registers can vote for a code, as one node sees them.

use super::span::Spans;
use crate::clock::NS_PER_S;

/// A register that is back is in use again within this time. A gateway connects anew and asks for
/// its layout each second. Three seconds were too few on a machine with all cores busy.
const SETTLES_NS: u64 = 5 * NS_PER_S;
/// A register does not vote for codes that were issued up to so long after its memory was made.
const ABSTAINS_S: i64 = 15;
/// Three processes read the clock, in whole seconds.
const MARGIN_S: i64 = 2;

/// How many registers could vote on a code while a request was under way.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq, Ord, PartialOrd)]
pub enum Votes {
    /// Surely less than a majority, so nothing may pass.
    Missing,
    /// Perhaps a majority.
    Open,
    /// Surely a majority, perhaps not all. Two nodes that ask at once may both be denied.
    Majority,
    /// All. Also where there are no registers and a node decides for itself.
    #[default]
    All,
}

/// What happened to one register.
#[derive(Clone, Debug, Default)]
pub(super) struct RegisterHistory {
    /// For each node.
    links: Vec<LinkHistory>,
    forgot: Vec<Forgot>,
}

/// What happened to a register as one node reaches it.
#[derive(Clone, Debug, Default)]
struct LinkHistory {
    /// It need not answer.
    doubtful: Spans,
    /// It cannot answer.
    gone: Spans,
}

/// A loss of memory.
#[derive(Copy, Clone, Debug)]
struct Forgot {
    at_ns: u64,
    /// It cannot vote for codes issued up to here.
    surely_s: i64,
    /// It need not vote for codes issued up to here.
    perhaps_s: i64,
}

impl RegisterHistory {
    pub(super) fn new(nodes: usize) -> Self {
        Self { links: vec![LinkHistory::default(); nodes], forgot: Vec::new() }
    }

    /// Notes that something is about to be done to it, as one node or all nodes see it.
    pub(super) fn doubt(&mut self, node: Option<usize>, now_ns: u64) {
        self.links(node).for_each(|link| link.doubtful.begin(now_ns));
    }

    /// Notes that it cannot answer any more.
    pub(super) fn lose(&mut self, node: Option<usize>, now_ns: u64) {
        self.links(node).for_each(|link| link.gone.begin(now_ns));
    }

    /// Notes that it is about to be back.
    pub(super) fn return_to(&mut self, node: Option<usize>, now_ns: u64) {
        self.links(node).for_each(|link| link.gone.end(now_ns));
    }

    /// Notes that it is back.
    pub(super) fn trust(&mut self, node: Option<usize>, now_ns: u64) {
        self.links(node).for_each(|link| link.doubtful.end(now_ns + SETTLES_NS));
    }

    /// Notes that it is losing its memory. It has not been given a layout again yet.
    pub(super) fn forget(&mut self, now_ns: u64, now_s: i64) {
        let surely_s = now_s + ABSTAINS_S - MARGIN_S;
        self.forgot.push(Forgot { at_ns: now_ns, surely_s, perhaps_s: i64::MAX });
    }

    /// Notes that a gateway has given it a layout again.
    pub(super) fn born_again(&mut self, now_ns: u64, now_s: i64) {
        for forgot in self.forgot.iter_mut().filter(|forgot| forgot.perhaps_s == i64::MAX) {
            forgot.perhaps_s = now_s + ABSTAINS_S + MARGIN_S;
        }
        self.trust(None, now_ns);
    }

    /// Whether it may vote, and whether it must.
    fn vote(&self, node: usize, sent_ns: u64, now_ns: u64, issued_s: i64) -> (bool, bool) {
        let Some(link) = self.links.get(node) else { return (true, false) };
        let is_gone = link.gone.cover(sent_ns, now_ns);
        let mut forgot = self.forgot.iter();
        let has_forgotten = forgot.any(|one| one.at_ns < sent_ns && issued_s <= one.surely_s);
        let is_doubtful = link.doubtful.touch(sent_ns, now_ns);
        let mut forgot = self.forgot.iter();
        let may_abstain = forgot.any(|one| one.at_ns <= now_ns && issued_s <= one.perhaps_s);
        (!is_gone && !has_forgotten, !is_doubtful && !may_abstain)
    }

    fn links(&mut self, node: Option<usize>) -> impl Iterator<Item = &mut LinkHistory> {
        let such = move |number: &usize| node.is_none_or(|node| node == *number);
        (0..).zip(self.links.iter_mut()).filter(move |(n, _)| such(n)).map(|(_, link)| link)
    }
}

/// Counts the votes of all groups. The tool does not know which group a code belongs to, so the
/// result allows for each of them.
pub(super) fn count(
    registers: &[RegisterHistory],
    of_a_group: usize,
    [sent_ns, now_ns]: [u64; 2],
    node: usize,
    issued_s: i64,
) -> Votes {
    let majority = of_a_group / 2 + 1;
    let groups = registers.chunks(of_a_group.max(1)).map(|group| {
        let votes = group.iter().map(|one| one.vote(node, sent_ns, now_ns, issued_s));
        let (may, must) = votes.fold((0, 0), |(may, must), vote| {
            (may + usize::from(vote.0), must + usize::from(vote.1))
        });
        match () {
            () if must == of_a_group => [Votes::All; 2],
            () if must >= majority => [Votes::Majority; 2],
            () if may >= majority => [Votes::Open; 2],
            () => [Votes::Missing, Votes::Missing],
        }
    });
    let (least, most) = groups.fold((Votes::All, Votes::Missing), |(least, most), [low, high]| {
        (least.min(low), most.max(high))
    });
    // A code must be refused only if no group can let it pass.
    if least == Votes::Missing && most > Votes::Missing { Votes::Open } else { least }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = NS_PER_S;
    const ISSUED: i64 = 1_800_000_000;

    fn three() -> Vec<RegisterHistory> {
        vec![RegisterHistory::new(2); 3]
    }

    fn at(registers: &[RegisterHistory], second: u64, node: usize, issued_s: i64) -> Votes {
        count(registers, 3, [second * S, second * S + 1], node, issued_s)
    }

    fn kill(register: &mut RegisterHistory, second: u64) {
        register.doubt(None, second * S);
        register.lose(None, second * S + 2);
    }

    #[test]
    fn without_registers_a_node_decides_for_itself() {
        assert_eq!(count(&[], 0, [1, 2], 0, ISSUED), Votes::All);
    }

    #[test]
    fn one_of_three_is_no_excuse_and_two_leave_nothing_that_may_pass() {
        let mut registers = three();
        kill(&mut registers[0], 10);
        assert_eq!(at(&registers, 9, 0, ISSUED), Votes::All);
        assert_eq!(at(&registers, 11, 0, ISSUED), Votes::Majority);
        kill(&mut registers[1], 20);
        assert_eq!(at(&registers, 20, 0, ISSUED), Votes::Open);
        assert_eq!(at(&registers, 21, 1, ISSUED), Votes::Missing);
        registers[1].return_to(None, 30 * S);
        registers[1].trust(None, 31 * S);
        // It may be in use at once, and must be after a while.
        assert_eq!(at(&registers, 30, 0, ISSUED), Votes::Open);
        assert_eq!(at(&registers, 36, 0, ISSUED), Votes::Open);
        assert_eq!(at(&registers, 37, 0, ISSUED), Votes::Majority);
    }

    #[test]
    fn a_cut_for_one_node_is_none_for_the_other() {
        let mut registers = three();
        registers[0].doubt(Some(1), 10 * S);
        registers[0].lose(Some(1), 10 * S);
        assert_eq!(
            [at(&registers, 12, 0, 1), at(&registers, 12, 1, 1)],
            [Votes::All, Votes::Majority]
        );
    }

    #[test]
    fn a_register_that_forgot_abstains_for_codes_of_before_and_no_longer() {
        let mut registers = three();
        for register in &mut registers[..2] {
            register.forget(10 * S, ISSUED);
            register.born_again(11 * S, ISSUED + 1);
        }
        assert_eq!(at(&registers, 9, 0, ISSUED), Votes::All);
        assert_eq!(at(&registers, 20, 0, ISSUED), Votes::Missing);
        assert_eq!(at(&registers, 20, 0, ISSUED + 13), Votes::Missing);
        assert_eq!(at(&registers, 20, 0, ISSUED + 14), Votes::Open);
        assert_eq!(at(&registers, 20, 0, ISSUED + 18), Votes::Open);
        assert_eq!(at(&registers, 40, 0, ISSUED + 19), Votes::All);
    }

    #[test]
    fn a_group_that_votes_leaves_it_open_whose_code_it_is() {
        let mut registers = vec![RegisterHistory::new(1); 6];
        kill(&mut registers[0], 10);
        kill(&mut registers[1], 10);
        assert_eq!(at(&registers, 11, 0, ISSUED), Votes::Open);
        kill(&mut registers[3], 10);
        kill(&mut registers[4], 10);
        assert_eq!(at(&registers, 11, 0, ISSUED), Votes::Missing);
    }
}
