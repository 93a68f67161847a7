//! Which route a path belongs to.

use crate::config::RouteConfig;
use crate::http::path::CheckedPath;

/// The routes, ready to be searched. Immutable; a reload makes new ones.
#[derive(Clone, Debug)]
pub struct Routes(Vec<Entry>);

/// The longest path first, so that the first match is the longest.
#[derive(Clone, Debug)]
struct Entry {
    path: Box<str>,
    index: usize,
}

impl Routes {
    /// `routes` as in the configuration; a route is known by its index in it.
    pub fn new(routes: &[RouteConfig]) -> Self {
        Self::of_paths(routes.iter().map(|route| route.path.as_str()))
    }

    /// The index of the route with the longest path that is the request's path or lies above it,
    /// by whole segments and without ASCII case. Allocates nothing.
    ///
    /// A configuration has few routes, and most differ from a path in length or in their first
    /// bytes: looking at each in turn is faster than hashing the path would be.
    pub fn find(&self, path: &CheckedPath<'_>) -> Option<usize> {
        self.0.iter().find(|entry| path.is_within(&entry.path)).map(|entry| entry.index)
    }

    fn of_paths<'p>(paths: impl Iterator<Item = &'p str>) -> Self {
        let entry = |(index, path): (usize, &str)| Entry { path: path.into(), index };
        let mut entries: Vec<Entry> = paths.enumerate().map(entry).collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.path.len()));
        Self(entries)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn find(paths: &[&str], path: &str) -> Option<usize> {
        Routes::of_paths(paths.iter().copied()).find(&CheckedPath::check(path).unwrap())
    }

    #[test]
    fn the_longest_path_wins_whatever_the_order() {
        for paths in [["/", "/fsi", "/fsi/api"], ["/fsi/api", "/", "/fsi"]] {
            let found = |path| find(&paths, path).map(|index| paths[index]);
            assert_eq!(found("/fsi/api/2207"), Some("/fsi/api"));
            assert_eq!(found("/fsi/api"), Some("/fsi/api"));
            assert_eq!(found("/fsi/apis"), Some("/fsi"), "whole segments only");
            assert_eq!(found("/fsi/"), Some("/fsi"));
            assert_eq!(found("/FSI/Api/x"), Some("/fsi/api"), "case does not count");
            assert_eq!(found("/fsix"), Some("/"));
            assert_eq!(found("/"), Some("/"));
        }
    }

    #[test]
    fn without_a_route_for_all_some_paths_have_none() {
        assert_eq!(find(&["/fsi", "/query"], "/"), None);
        assert_eq!(find(&["/fsi", "/query"], "/fs"), None);
        assert_eq!(find(&[], "/fsi"), None);
    }

    #[test]
    fn an_escape_is_compared_as_it_is_written() {
        assert_eq!(find(&["/a%3ab"], "/A%3Ab/c"), Some(0));
        assert_eq!(find(&["/a%3ab"], "/a:b"), None);
    }

    proptest! {
        /// Against the definition: compare segment by segment, keep the match with most segments.
        #[test]
        fn agrees_with_a_segment_by_segment_search(
            paths in proptest::collection::hash_set("(/[aAb]{1,2}){1,3}|/", 0..6),
            path in "(/[aAbB]{1,2}){1,4}/?|/",
        ) {
            let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
            let segments = |path: &str| -> Vec<String> {
                path.split('/').filter(|s| !s.is_empty()).map(str::to_ascii_lowercase).collect()
            };
            let wanted = segments(&path);
            let depth = |path: &str| {
                let own = segments(path);
                wanted.starts_with(&own).then_some(own.len())
            };
            let found = find(&paths, &path);
            let best = paths.iter().filter_map(|path| depth(path)).max();
            prop_assert_eq!(found.and_then(|index| depth(paths[index])), best);
            prop_assert_eq!(found.is_some(), best.is_some());
        }
    }
}
