//! What is wrong with a query, in a sentence that says what is allowed.

use super::name::Name;
use crate::web::language::Language;

/// Letters of an unknown name that are said again.
const NAME_LETTERS_MAX: usize = 32;

#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::cli::sandbox::pages) enum Wrong {
    /// Its first letters.
    Unknown(String),
    Twice(Name),
    /// A percent sign without two hex digits, or bytes that are no text.
    Escape,
    NoSubject,
    /// The value is not one of those allowed.
    Value(Name),
}

impl Wrong {
    pub(super) fn unknown(name: &str) -> Self {
        Self::Unknown(name.chars().take(NAME_LETTERS_MAX).collect())
    }

    /// For the person who asked.
    pub(in crate::cli::sandbox::pages) fn sentence(&self, language: Language) -> String {
        match language {
            Language::English => self.in_english(),
            Language::Chinese => self.in_chinese(),
        }
    }

    fn in_english(&self) -> String {
        match self {
            Self::Unknown(name) => format!("unknown name {name:?}; allowed: {}", names()),
            Self::Twice(name) => format!("{} stands twice; allowed: once", name.as_str()),
            Self::Escape => {
                "a percent sign without two hex digits, or no UTF-8; allowed: names and \
                             values as application/x-www-form-urlencoded"
                    .to_owned()
            }
            Self::NoSubject => format!(
                "subject is missing: it says whose code this is; allowed: {}",
                Name::Subject.in_english()
            ),
            Self::Value(name) => {
                format!("{}: not an allowed value; allowed: {}", name.as_str(), name.in_english())
            }
        }
    }

    fn in_chinese(&self) -> String {
        match self {
            Self::Unknown(name) => format!("没有 {name:?} 这个参数；可用：{}", names()),
            Self::Twice(name) => format!("{} 出现了两次；只能写一次", name.as_str()),
            Self::Escape => "百分号后面必须是两位十六进制数字，并且是 UTF-8；参数格式是 \
                             application/x-www-form-urlencoded"
                .to_owned(),
            Self::NoSubject => {
                format!("缺少 subject（参保人编号）；可用：{}", Name::Subject.in_chinese())
            }
            Self::Value(name) => {
                format!("{}：这个值不可用；可用：{}", name.as_str(), name.in_chinese())
            }
        }
    }
}

fn names() -> String {
    Name::ALL.map(Name::as_str).join(", ")
}

/// What a value may be.
impl Name {
    const fn in_english(self) -> &'static str {
        match self {
            Self::Subject => "a whole number from 1 to 18446744073709551615",
            Self::Kind => "payment, display",
            Self::Region => "six digits, such as 370100; 000000 = none chosen",
            Self::Auth => "none, password, fingerprint, face",
            Self::Relation => "0 = the holder, 1 to 5 = that member of the family account",
            Self::Epoch => "a whole number from 0 to 65535",
            Self::AgeS => "seconds since the code was issued, from -3600 to 86400",
            Self::Spoil => "signature, seal, key; none = a good code",
            Self::Format => "digits, json, svg, png",
            Self::Lang => "zh, en",
        }
    }

    const fn in_chinese(self) -> &'static str {
        match self {
            Self::Subject => "1 到 18446744073709551615 的整数",
            Self::Kind => "payment（支付码）、display（展示码）",
            Self::Region => "六位数字，例如 370100；000000 表示未选参保地",
            Self::Auth => "none、password、fingerprint、face",
            Self::Relation => "0 是本人，1 到 5 是亲情账户的第几位成员",
            Self::Epoch => "0 到 65535 的整数",
            Self::AgeS => "码已签发的秒数，-3600 到 86400",
            Self::Spoil => "signature、seal、key；不写就是好码",
            Self::Format => "digits、json、svg、png",
            Self::Lang => "zh、en",
        }
    }
}
