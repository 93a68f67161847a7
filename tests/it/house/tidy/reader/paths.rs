//! What a file says of other modules: which it declares, and which paths it names.

use std::collections::BTreeSet;

use super::lexer::{Token, lex};
use super::tests_out::without_tests;

/// What is read from one file, outside tests, comments and literals.
#[derive(Default)]
pub(super) struct Named {
    /// Each `mod name;` and `mod name { }`, by its path below the file's own module.
    pub(super) declared: Vec<(Vec<String>, bool)>,
    pub(super) paths: Vec<ModulePath>,
    /// Names that code outside `use` names without a path before them.
    pub(super) bare: BTreeSet<String>,
}

/// One path, such as `crate::a::B`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ModulePath {
    /// The modules in braces around it, inside its file.
    pub(super) scope: Vec<String>,
    pub(super) segments: Vec<String>,
    pub(super) kind: PathKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PathKind {
    /// In code.
    Inline,
    /// `use`, under this name.
    Use(String),
    /// `pub use` of any width, under this name.
    Reexport(String),
}

pub(super) fn named(text: &str) -> Named {
    let tokens = without_tests(&lex(text).tokens);
    let mut reader = Reader { tokens: &tokens, ..Reader::default() };
    while reader.step() {}
    reader.named
}

#[derive(Default)]
struct Reader<'t, 'a> {
    tokens: &'t [Token<'a>],
    at: usize,
    depth: usize,
    /// Open modules in braces, each with the depth outside it.
    scopes: Vec<(String, usize)>,
    is_public: bool,
    named: Named,
}

impl<'a> Reader<'_, 'a> {
    fn text(&self, ahead: usize) -> &'a str {
        self.tokens.get(self.at + ahead).map_or("", |token| token.text)
    }

    fn scope(&self) -> Vec<String> {
        self.scopes.iter().map(|(name, _)| name.clone()).collect()
    }

    fn step(&mut self) -> bool {
        let is_public = std::mem::take(&mut self.is_public);
        match self.text(0) {
            "" => return false,
            "{" => self.open(),
            "}" => self.close(),
            "pub" => self.visibility(),
            "mod" if is_name(self.text(1)) => self.module(),
            "use" => self.import(is_public),
            "::" => self.pass_path(),
            name if is_name(name) => self.path_or_name(name),
            _ => self.at += 1,
        }
        true
    }

    fn open(&mut self) {
        self.depth += 1;
        self.at += 1;
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.scopes.pop_if(|(_, outside)| *outside == self.depth);
        self.at += 1;
    }

    /// `pub(in crate::a)` names no module that is imported.
    fn visibility(&mut self) {
        self.is_public = true;
        self.at += 1;
        if self.text(0) == "(" && ["crate", "super", "self", "in"].contains(&self.text(1)) {
            while !["", ")"].contains(&self.text(0)) {
                self.at += 1;
            }
            self.at += 1;
        }
    }

    fn module(&mut self) {
        let name = self.text(1).to_owned();
        let is_file = self.text(2) == ";";
        let mut path = self.scope();
        path.push(name.clone());
        self.named.declared.push((path, is_file));
        if !is_file {
            self.scopes.push((name, self.depth));
        }
        self.at += 2;
    }

    fn import(&mut self, is_public: bool) {
        self.at += 1;
        let scope = self.scope();
        let is_foreign = self.text(0) == "::";
        let mut found = Vec::new();
        self.tree(&mut Vec::new(), &mut found);
        for (segments, name) in found.into_iter().filter(|_| !is_foreign) {
            let kind = if is_public { PathKind::Reexport(name) } else { PathKind::Use(name) };
            self.named.paths.push(ModulePath { scope: scope.clone(), segments, kind });
        }
    }

    /// `a::{b, c::D as E}`: each leaf with its path and the name that it gets.
    fn tree(&mut self, before: &mut Vec<String>, found: &mut Vec<(Vec<String>, String)>) {
        let outer = before.len();
        loop {
            match self.text(0) {
                "::" => self.at += 1,
                "{" => {
                    self.at += 1;
                    while !["", "}"].contains(&self.text(0)) {
                        self.tree(before, found);
                        if self.text(0) == "," {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    break;
                }
                name if is_name(name) || name == "*" => {
                    self.at += 1;
                    before.push(name.to_owned());
                    if self.text(0) != "::" {
                        found.push(self.leaf(before));
                        break;
                    }
                }
                _ => {
                    self.at += 1;
                    break;
                }
            }
        }
        before.truncate(outer);
    }

    fn leaf(&mut self, path: &[String]) -> (Vec<String>, String) {
        let mut segments = path.to_vec();
        if segments.len() > 1 {
            segments.pop_if(|last| last == "self");
        }
        let mut name = segments.last().cloned().unwrap_or_default();
        if self.text(0) == "as" {
            self.text(1).clone_into(&mut name);
            self.at += 2;
        }
        (segments, name)
    }

    /// Of a path that starts elsewhere, such as `<A as B>::c`, nothing is known.
    fn pass_path(&mut self) {
        self.at += 1;
        if is_name(self.text(0)) {
            self.at += 1;
        }
    }

    fn path_or_name(&mut self, name: &str) {
        let before =
            self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or("", |t| t.text);
        self.at += 1;
        let mut segments = vec![name.to_owned()];
        while self.text(0) == "::" && is_name(self.text(1)) {
            segments.push(self.text(1).to_owned());
            self.at += 2;
        }
        let is_capital = name.starts_with(char::is_uppercase);
        let is_called = ["(", "!", "::"].contains(&self.text(0)) || segments.len() > 1;
        if (is_capital || is_called) && ![".", "fn"].contains(&before) {
            self.named.bare.insert(name.to_owned());
        }
        if segments.len() > 1 {
            self.named.paths.push(ModulePath {
                scope: self.scope(),
                segments,
                kind: PathKind::Inline,
            });
        }
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
}

#[cfg(test)]
fn read(text: &str) -> Vec<String> {
    named(text).paths.iter().map(|path| path.segments.join("::")).collect()
}

#[test]
fn the_import_reader_reads_groups_and_paths() {
    let text = "use crate::code::Code;\nuse crate::{\n    key::{Key, self},\n    seal,\n};\n\
                // crate::store is only named here\nfn f() { crate::verify::go() }\n\
                #[cfg(test)]\nmod tests { use crate::ceremony; }";
    let wanted =
        ["crate::code::Code", "crate::key::Key", "crate::key", "crate::seal", "crate::verify::go"];
    assert_eq!(read(text), wanted);
    assert_eq!(
        read("pub(in crate::a) fn b(c: ::d::E, f: super::super::G<crate::h::I>) {}"),
        ["super::super::G", "crate::h::I"]
    );
}

#[test]
fn the_import_reader_reads_names_modules_and_what_is_told_on() {
    let read =
        named("mod a; mod b { mod c; pub(crate) use super::a::D as E; } fn f() { g(H).i() }");
    let declared: Vec<String> = read.declared.iter().map(|(path, _)| path.join("::")).collect();
    assert_eq!(declared, ["a", "b", "b::c"]);
    let wanted = ModulePath {
        scope: vec!["b".to_owned()],
        segments: ["super", "a", "D"].map(str::to_owned).to_vec(),
        kind: PathKind::Reexport("E".to_owned()),
    };
    assert_eq!(read.paths, [wanted]);
    assert_eq!(read.bare.iter().map(String::as_str).collect::<Vec<_>>(), ["H", "g"]);
}
