//! What a newcomer sees first: a link, and where things are, in five lines.

use std::fmt;
use std::io::Write;
use std::path::PathBuf;

use super::settings::Addresses;

/// What the first lines say.
pub(super) struct Sight {
    /// Absent: there are no pages.
    pub(super) link: Option<String>,
    pub(super) addresses: Addresses,
    pub(super) commands: PathBuf,
    /// The command that shows decisions.
    pub(super) audit: String,
}

impl fmt::Display for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { link, addresses, commands, audit } = self;
        let Addresses { gateway, admin, backend, .. } = addresses;
        let commands = commands.display();
        match link {
            Some(link) => {
                writeln!(f, "Yanma sandbox   open  {link}   打开此链接：手机、收费台、故障、实况")?
            }
            None => writeln!(f, "Yanma sandbox   without pages (--pages none)")?,
        }
        writeln!(f, "  gateway {gateway}   admin {admin}   stand-in {backend}")?;
        writeln!(f, "  commands to paste  {commands}      decisions  {audit}")?;
        writeln!(
            f,
            "  Golden rule: sent this code before and got no answer? Query first, whatever the \
             reason says now."
        )?;
        writeln!(f, "  Ctrl-C ends it.")
    }
}

impl Sight {
    /// Prints on its own thread: a sandbox runs on if no program reads its output.
    pub(super) fn show(&self) {
        let text = self.to_string();
        let print = move || {
            let mut out = std::io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        };
        // If the thread cannot be started, nothing is printed.
        let _ = std::thread::Builder::new().name("stdout".to_owned()).spawn(print);
    }
}
