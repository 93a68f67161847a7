//! What a browser may do with an answer of ours.

use http::{
    HeaderMap, HeaderValue,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    },
};

/// Scripts and styles come from our files alone. Nothing is framed, and nothing goes elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      img-src 'self' data:; connect-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// Whether pages may ask for the camera.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Camera {
    None,
    /// The pages of the same origin.
    Own,
}

impl Camera {
    const fn policy(self) -> &'static str {
        match self {
            Self::None => "camera=(), microphone=(), geolocation=()",
            Self::Own => "camera=(self), microphone=(), geolocation=()",
        }
    }
}

/// The headers and their values, for each answer, whatever it says.
const ALL: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (CACHE_CONTROL, "no-store"),
];

/// Adds them to an answer.
pub(crate) fn secure(headers: &mut HeaderMap, camera: Camera) {
    let permissions = (HeaderName::from_static("permissions-policy"), camera.policy());
    for (name, value) in ALL.into_iter().chain([permissions]) {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
