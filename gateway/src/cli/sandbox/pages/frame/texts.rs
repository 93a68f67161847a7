//! The texts of the pages: an enum for each page, each text in both languages.

/// Makes an enum of texts. No text lacks a language, because each row has both.
macro_rules! texts {
    ($(#[$about:meta])* $name:ident { $($word:ident $english:literal $chinese:literal;)* }) => {
        $(#[$about])*
        #[derive(Copy, Clone, Debug, Eq, PartialEq)]
        pub(in crate::cli::sandbox::pages) enum $name { $($word,)* }

        impl $name {
            #[cfg(test)]
            #[allow(dead_code, reason = "not each page has a rule of its own about its texts")]
            pub(in crate::cli::sandbox::pages) const ALL: &[Self] = &[$(Self::$word,)*];

            pub(in crate::cli::sandbox::pages) const fn english(self) -> &'static str {
                match self { $(Self::$word => $english,)* }
            }

            pub(in crate::cli::sandbox::pages) const fn chinese(self) -> &'static str {
                match self { $(Self::$word => $chinese,)* }
            }

            pub(in crate::cli::sandbox::pages) const fn in_language(
                self,
                language: $crate::web::language::Language,
            ) -> &'static str {
                match language {
                    $crate::web::language::Language::English => self.english(),
                    $crate::web::language::Language::Chinese => self.chinese(),
                }
            }
        }
    };
}

pub(in crate::cli::sandbox::pages) use texts;
