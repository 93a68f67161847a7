//! Labels with a closed set of values.

/// Makes an enum of labels from one table, so that none can lack its text.
macro_rules! labels {
    (
        $(#[$doc:meta])*
        $visible:vis enum $name:ident { $($(#[$about:meta])* $variant:ident = $label:literal,)* }
    ) => {
        $(#[$doc])*
        #[derive(Copy, Clone, Eq, PartialEq, Debug)]
        $visible enum $name { $($(#[$about])* $variant,)* }

        impl $name {
            pub(crate) const ALL: [Self; [$($label),*].len()] = [$(Self::$variant),*];

            /// The label's value.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }

            /// Dense, from 0.
            #[expect(clippy::as_conversions, reason = "From does not offer an enum's number")]
            pub(crate) const fn index(self) -> usize {
                self as usize
            }
        }
    };
}

pub(crate) use labels;
