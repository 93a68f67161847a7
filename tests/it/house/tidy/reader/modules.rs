//! The modules of a crate, and which file imports which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::paths::{self, Named, PathKind};

/// The modules below the root file of a crate, but for those of tests.
pub(crate) struct Modules {
    /// The file of each module. The root's path is empty.
    files: BTreeMap<Vec<String>, PathBuf>,
    /// What each file says, by the path of its module.
    named: BTreeMap<Vec<String>, Named>,
}

/// A file that needs a module.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    pub(crate) file: PathBuf,
    pub(crate) importer: Vec<String>,
    pub(crate) imported: Vec<String>,
}

/// A module, and the name in it that is meant, if it is not the module itself.
type Target = (Vec<String>, Option<String>);

/// Modules by the names that a file has for them.
type Known = BTreeMap<String, Vec<String>>;

impl Modules {
    pub(crate) fn read(root: &Path) -> Self {
        let mut modules = Self { files: BTreeMap::new(), named: BTreeMap::new() };
        let folder = root.parent().expect("a file lies in a folder");
        modules.load(Vec::new(), root.to_owned(), folder);
        modules
    }

    /// `folder` is where the files of the module's children are.
    fn load(&mut self, module: Vec<String>, file: PathBuf, folder: &Path) {
        let text = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let named = paths::named(&text);
        for (inner, is_file) in &named.declared {
            let path = [module.clone(), inner.clone()].concat();
            let below = inner.iter().fold(folder.to_owned(), |folder, name| folder.join(name));
            let child = [below.with_extension("rs"), below.join("mod.rs")]
                .into_iter()
                .find(|child| *is_file && child.exists());
            match child {
                Some(child) => self.load(path, child, &below),
                None => drop(self.files.insert(path, file.clone())),
            }
        }
        self.files.insert(module.clone(), file);
        self.named.insert(module, named);
    }

    /// The modules directly below the root.
    pub(crate) fn top(&self) -> BTreeSet<String> {
        self.files.keys().filter_map(|path| path.first().cloned()).collect()
    }

    /// Which file imports which other ones.
    pub(crate) fn file_imports(&self) -> BTreeMap<PathBuf, BTreeSet<PathBuf>> {
        let mut found: BTreeMap<PathBuf, BTreeSet<PathBuf>> =
            self.files.values().map(|file| (file.clone(), BTreeSet::new())).collect();
        for import in self.imports() {
            let imported = self.files[&import.imported].clone();
            if imported != import.file {
                found.entry(import.file).or_default().insert(imported);
            }
        }
        found
    }

    /// What each file imports. A parent that tells a child's name on does not import the child
    /// for that, unless its own code uses the name. Who imports such a name from the parent
    /// imports both.
    pub(crate) fn imports(&self) -> BTreeSet<Import> {
        let mut found = BTreeSet::new();
        for (importer, named) in &self.named {
            let known = self.known_modules(importer, named);
            for path in &named.paths {
                let scope = [importer.as_slice(), &path.scope].concat();
                let Some(place) = self.resolve(&scope, &path.segments, &known) else { continue };
                let is_below = place.0.len() > scope.len() && place.0.starts_with(&scope);
                let is_told_on = matches!(&path.kind,
                    PathKind::Reexport(name) if is_below && !named.bare.contains(name));
                if is_told_on {
                    continue;
                }
                for imported in self.origins(place) {
                    let importer = importer.clone();
                    let file = self.files[&importer].clone();
                    found.insert(Import { file, importer, imported });
                }
            }
        }
        found
    }

    /// The modules that a file's `use` makes known under a name.
    fn known_modules(&self, file: &[String], named: &Named) -> Known {
        let known = named.paths.iter().filter_map(|path| {
            let (PathKind::Use(name) | PathKind::Reexport(name)) = &path.kind else { return None };
            let scope = [file, &path.scope].concat();
            match self.resolve(&scope, &path.segments, &Known::new())? {
                (module, None) => Some((name.clone(), module)),
                _ => None,
            }
        });
        known.collect()
    }

    /// The deepest module of a path, and the name after it. Nothing for other crates' paths.
    fn resolve(&self, scope: &[String], segments: &[String], known: &Known) -> Option<Target> {
        let (head, mut rest) = segments.split_first()?;
        let mut module = match head.as_str() {
            "crate" => Vec::new(),
            "self" => scope.to_vec(),
            "super" => scope.split_last()?.1.to_vec(),
            name => self.child(scope, name).or_else(|| known.get(name).cloned())?,
        };
        while let Some((name, after)) = rest.split_first() {
            if name == "super" {
                module.pop();
            } else if let Some(child) = self.child(&module, name) {
                module = child;
            } else {
                break;
            }
            rest = after;
        }
        Some((module, rest.first().cloned()))
    }

    fn child(&self, module: &[String], name: &str) -> Option<Vec<String>> {
        let path = [module, &[name.to_owned()]].concat();
        self.files.contains_key(&path).then_some(path)
    }

    /// The module of a place, and those from which it has the name.
    fn origins(&self, place: Target) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        let mut next = Some(place);
        while let Some((module, name)) = next.take() {
            if found.contains(&module) {
                break;
            }
            next = name.and_then(|name| self.reexport(&module, &name));
            found.push(module);
        }
        found
    }

    fn reexport(&self, module: &[String], name: &str) -> Option<Target> {
        let named = self.named.get(module)?;
        let path = named.paths.iter().find(|path| {
            path.scope.is_empty()
                && matches!(&path.kind, PathKind::Reexport(known) if known == name)
        })?;
        self.resolve(module, &path.segments, &Known::new())
    }
}

#[cfg(test)]
fn imports_of(files: &[(&str, &str)]) -> Vec<String> {
    let directory = crate::house::tidy::made_up::made_up(files);
    let modules = Modules::read(&directory.path().join("lib.rs"));
    let imports = modules.imports().into_iter();
    imports.map(|one| format!("{} {}", one.importer.join("::"), one.imported.join("::"))).collect()
}

#[test]
fn paths_lead_to_the_deepest_module() {
    let found = imports_of(&[
        ("lib.rs", "mod a; mod b; mod c { mod d; }"),
        (
            "a.rs",
            "use crate::b::{self as e, inner::Thing}; fn f() { e::inner::g(); super::c::d::H }",
        ),
        ("b/mod.rs", "pub mod inner;"),
        ("b/inner.rs", "use http::Request; use super::super::a; struct Thing;"),
        ("c/d.rs", "#[cfg(test)] mod tests { use crate::a; }"),
    ]);
    assert_eq!(found, ["a b", "a b::inner", "a c::d", "b::inner a"]);
}

#[test]
fn a_name_that_a_parent_tells_on_is_imported_from_parent_and_child() {
    let found = imports_of(&[
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use crate::b::Thing;"),
        (
            "b/mod.rs",
            "mod c; mod d; pub use self::c::Thing; pub(crate) use d::Other; fn f(_: Other) {}",
        ),
        ("b/c.rs", "pub struct Thing;"),
        ("b/d.rs", "pub struct Other;"),
    ]);
    assert_eq!(found, ["a b", "a b::c", "b b::d"]);
}
