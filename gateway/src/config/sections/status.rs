//! `[status]`: where clients ask what became of a code or pass.

use super::route::{PATH_ALLOWED, RouteConfig, path};
use crate::config::table::Table;
use crate::http::path::CheckedPath;

/// The pages that the admin listener has anyhow.
const ADMIN_PAGES: [&str; 4] = ["/metrics", "/healthz", "/readyz", "/reload"];

/// `[status]`, where the file has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StatusConfig {
    /// Whole segments, compared without case. No route matches it or a path below it.
    pub path: String,
}

impl StatusConfig {
    pub(in crate::config) fn read(root: &mut Table<'_>, routes: &[RouteConfig]) -> Option<Self> {
        let is_there = root.has("status");
        let mut table = root.table("status");
        if !is_there {
            return None;
        }
        let path = table.required("path", path, PATH_ALLOWED);
        table.finish();
        let status = Self { path: path? };
        status.check(&table, routes);
        Some(status)
    }

    /// A request must mean a route or this, never both.
    fn check(&self, table: &Table<'_>, routes: &[RouteConfig]) {
        let path = &self.path;
        let is_within = |inner: &str, outer: &str| {
            CheckedPath::check(inner).is_ok_and(|inner| inner.is_within(outer))
        };
        let mut routes = routes.iter().filter(|route| !route.path.is_empty());
        if let Some(route) =
            routes.find(|route| is_within(path, &route.path) || is_within(&route.path, path))
        {
            let why = match route.path.as_str() {
                "/" => {
                    "the route \"/\" matches every path; give that route a longer path".to_owned()
                }
                route => format!("the route \"{route}\" must be neither it, above it nor below it"),
            };
            table.problem(&format!("status.path = \"{path}\": {why}"));
        }
        if let Some(page) = ADMIN_PAGES.iter().find(|page| is_within(path, page)) {
            table.problem(&format!(
                "status.path = \"{path}\": the admin listener has its page {page} there"
            ));
        }
    }
}
