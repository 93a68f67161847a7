//! What the configuration says of the shape of a refusal.

/// The shape in which a client reads a refusal.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub enum Shape {
    /// The status of the refusal and `application/problem+json` (RFC 9457).
    #[default]
    Problem,
    /// Status 200 and the envelope of the national platform's interfaces (fsi).
    Fsi(Infcode),
    /// Status 200 and `{orgId, code, success, message, data, extra}`, as the code's decoding answers.
    CodeMessageData,
}

impl Shape {
    /// The word of the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Fsi(_) => "fsi",
            Self::CodeMessageData => "code_message_data",
        }
    }
}

/// How a province writes `infcode`: hospital systems cast it to a string here, to a number there.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub enum Infcode {
    /// `1301`.
    #[default]
    Number,
    /// `"1301"`.
    Text,
}

/// How a client hears that an outcome is unknown, where a code was spent.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub enum Unknown {
    /// By an answer, in the shape of the other refusals.
    #[default]
    Answer,
    /// By a connection that ends without a byte: some systems take each answer for a decision.
    Cut,
}
