//! Which names of members some reader takes for one name.

/// A name as the loosest reader sees it: its ASCII letters and digits, in lower case.
///
/// fastjson drops `_` and `-`, Newtonsoft ignores case, and Go's `encoding/json` folds `ſ` to `s`
/// and the Kelvin sign to `k`. This ignores more than each of them, so what two readers may take
/// for one name is alike here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct PlainName(Box<[u8]>);

/// The first and the last letter or digit of a name, in lower case. Most names that are not alike
/// differ here already.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Glance(u8, u8);

impl Glance {
    /// Of a name without NUL. `None` if it tells nothing: the ends are beyond ASCII, or there is no
    /// letter.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let counts = |byte: &&u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
        let first = name.as_bytes().iter().find(counts)?;
        let last = name.as_bytes().iter().rfind(counts)?;
        let is_ascii = first.is_ascii() && last.is_ascii();
        is_ascii.then_some(Self(first.to_ascii_lowercase(), last.to_ascii_lowercase()))
    }
}

impl PlainName {
    pub(crate) fn of(name: &str) -> Self {
        Self(name.chars().filter_map(letter).collect())
    }

    /// Whether a name with these ends may be alike.
    pub(crate) fn fits(&self, glance: Glance) -> bool {
        self.0.first() == Some(&glance.0) && self.0.last() == Some(&glance.1)
    }

    /// Whether some reader may take `name` for this one. A name also ends at its first NUL, as
    /// readers written in C cut it there.
    pub(crate) fn is_alike(&self, name: &str) -> bool {
        let mut rest = self.0.iter();
        for sign in name.chars() {
            match letter(sign) {
                Some(letter) if rest.next() == Some(&letter) => {}
                Some(_) => return false,
                None if sign == '\0' && rest.as_slice().is_empty() => return true,
                None => {}
            }
        }
        rest.as_slice().is_empty()
    }
}

fn letter(sign: char) -> Option<u8> {
    match sign {
        'ſ' => Some(b's'),
        '\u{212a}' => Some(b'k'),
        _ if sign.is_ascii_alphanumeric() => u8::try_from(sign.to_ascii_lowercase()).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Glance, PlainName};

    #[test]
    fn names_alike_have_the_same_letters_and_digits() {
        let infno = PlainName::of("infno");
        for name in
            ["infno", "INFNO", "inf_no", "-Inf No-", "infno\u{feff}", "交inf易no", "infno\0x"]
        {
            assert!(infno.is_alike(name), "{name:?}");
        }
        for name in
            ["", "infn", "infnoo", "inf0no", "nfnoi", "ｉｎｆｎｏ", "in\0fnox", "ınfno", "İnfno"]
        {
            assert!(!infno.is_alike(name), "{name:?}");
        }
    }

    #[test]
    fn two_letters_beyond_ascii_fold_and_no_others() {
        assert!(PlainName::of("msgid").is_alike("mſgid"));
        assert!(PlainName::of("token").is_alike("TO\u{212a}EN"));
        assert!(PlainName::of("mſg_\u{212a}").is_alike("MSGk"));
        assert!(!PlainName::of("strasse").is_alike("straße"));
    }

    #[test]
    fn a_name_without_letters_is_alike_to_all_such_names() {
        let bar = PlainName::of("_");
        assert!(bar.is_alike("") && bar.is_alike("姓名") && !bar.is_alike("a"));
    }

    #[test]
    fn a_glance_never_hides_a_name_alike() {
        let wanted =
            ["infno", "INF_NO", "msgid", "token", "_", "s", "said", "talk"].map(PlainName::of);
        let letters = ["", "_", "i", "I", "ſ", "\u{212a}", "交", "-", "o", "D"];
        let middles = ["infno", "nfn", "Msgi", "oke", "msg_i", "", "ai", "tal", "交"];
        for front in letters {
            for middle in middles {
                for back in letters {
                    let name = format!("{front}{middle}{back}");
                    let Some(glance) = Glance::of(&name) else { continue };
                    for plain in wanted.iter().filter(|plain| plain.is_alike(&name)) {
                        assert!(plain.fits(glance), "{plain:?} {name:?}");
                    }
                }
            }
        }
        assert!(!PlainName::of("infno").fits(Glance::of("inf_time").expect("ASCII")));
        assert_eq!(Glance::of("交易"), None);
    }
}
