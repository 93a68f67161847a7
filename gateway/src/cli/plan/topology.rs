//! Where nodes and registers stand, and what that promises.

/// How nodes remember together which codes are spent, by where they stand.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub(super) enum Topology {
    /// One node that remembers alone.
    Alone,
    /// Several nodes in one city, three registers a group in three rooms.
    City,
    /// Two cities, and a witness register elsewhere.
    TwoCities,
    /// Three cities, five registers a group.
    ThreeCities,
}

/// The most cities that a plan knows.
pub(super) const CITIES_MAX: u32 = 3;

impl Topology {
    pub(super) fn of(cities: u32, is_alone: bool) -> Self {
        match cities {
            1 if is_alone => Self::Alone,
            1 => Self::City,
            2 => Self::TwoCities,
            _ => Self::ThreeCities,
        }
    }

    /// Places of the registers of one group, in order: the numbers of places, from 0.
    pub(super) fn registers(self) -> &'static [usize] {
        match self {
            Self::Alone => &[],
            Self::City | Self::TwoCities => &[0, 1, 2],
            Self::ThreeCities => &[0, 0, 1, 1, 2],
        }
    }

    pub(super) fn place(self, place: usize) -> &'static str {
        let names = match self {
            Self::Alone => [""; 3],
            Self::City => ["room 1", "room 2", "room 3"],
            Self::TwoCities => ["city 1", "city 2", "witness, elsewhere"],
            Self::ThreeCities => ["city 1", "city 2", "city 3"],
        };
        names.get(place).copied().unwrap_or_default()
    }

    pub(super) fn summary(self) -> &'static str {
        match self {
            Self::Alone => "one node that remembers alone which codes are spent",
            Self::City => "one city; groups of 3 registers, in three rooms that fail apart",
            Self::TwoCities => {
                "two cities and a witness: groups of 3 registers, one in each city, one elsewhere"
            }
            Self::ThreeCities => "three cities; groups of 5 registers, 2, 2 and 1 in a city",
        }
    }

    pub(super) fn promised(self) -> &'static str {
        match self {
            Self::Alone => {
                "no code is forwarded twice; the node is back in 5 s and pauses no longer"
            }
            Self::City => "any node and any register may be lost, and no client notices",
            Self::TwoCities => {
                "any one of the three places may be lost; a spend waits for one round trip between them"
            }
            Self::ThreeCities => {
                "any one city may be lost; a spend waits for one round trip between cities"
            }
        }
    }

    pub(super) fn not_promised(self) -> &'static str {
        match self {
            Self::Alone => "the loss of the node",
            Self::City => "the loss of the city, or of two registers of a group",
            Self::TwoCities => {
                "two places at once. Two cities alone, the witness in one of them, are as one city: the \
                 city with two registers goes on without the other. If it is lost, codes are refused \
                 until a person follows the runbook city-lost (a new epoch, 15 s)"
            }
            Self::ThreeCities => "the loss of two cities, or of three registers of a group",
        }
    }
}
