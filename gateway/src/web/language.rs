//! The two languages of the pages.

use http::{HeaderMap, header::ACCEPT_LANGUAGE};

use super::accept::weighted;

/// The language of a page.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Language {
    English,
    Chinese,
}

impl Language {
    pub(crate) const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// `?lang=` decides, then `Accept-Language`. A page is in English where both ask for neither.
    pub(crate) fn of(query: Option<&str>, headers: &HeaderMap) -> Self {
        let mut fields = query.unwrap_or_default().split('&');
        let wanted = fields.find_map(|field| Self::named(field.strip_prefix("lang=")?));
        wanted.unwrap_or_else(|| Self::preferred(headers))
    }

    /// The value of `lang` in HTML, and of `?lang=`.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh",
        }
    }

    /// Its name in itself.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Chinese => "中文",
        }
    }

    /// By the first part of a tag of RFC 5646: `zh-Hans-CN` is Chinese.
    fn named(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next()?;
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// The first of those with the greatest weight.
    fn preferred(headers: &HeaderMap) -> Self {
        let known = weighted(headers, ACCEPT_LANGUAGE)
            .filter_map(|(tag, weight)| Some((Self::named(tag)?, weight)))
            .filter(|(_, weight)| *weight > 0);
        let best = known.reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.map_or(Self::English, |(language, _)| language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(query: Option<&str>, accept: &str) -> Language {
        let headers = [(ACCEPT_LANGUAGE, accept.parse().unwrap())].into_iter().collect();
        Language::of(query, &headers)
    }

    #[test]
    fn the_query_decides_then_the_weights_then_the_order() {
        use Language::{Chinese, English};
        let cases = [
            (None, "", English),
            (None, "zh-CN,zh;q=0.9,en;q=0.8", Chinese),
            (None, "en-US,en;q=0.9,zh-CN;q=0.8", English),
            (None, "de, zh;q=0.5, en;q=0.4", Chinese),
            (None, "zh;q=0, en;q=0.1", English),
            (None, "fr", English),
            (Some("lang=zh"), "en", Chinese),
            (Some("a=1&lang=en"), "zh", English),
            (Some("lang=zh-CN"), "en", Chinese),
            (Some("lang=tlh"), "zh", Chinese),
        ];
        for (query, accept, expected) in cases {
            assert_eq!(chosen(query, accept), expected, "{query:?} {accept}");
        }
    }
}
