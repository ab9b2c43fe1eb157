//! The commands of documents: their fenced blocks of the language `sh`, without their indentation in a list.
//!
//! A test takes what it runs by [`block`], with three literals. `tests/docs` reads these calls in the sources, and fails for a block
//! that no test takes.

use std::fs;
use std::ops::Deref;

use crate::REPOSITORY;

/// A block of commands.
#[must_use = "commands are there to be run"]
pub struct Commands(String);

impl Commands {
    /// The same with a value in place of a placeholder, or of a name that the document has chosen.
    pub fn with(self, name: &str, value: &str) -> Self {
        assert!(self.0.contains(name), "there is no {name} in: {}", self.0);
        Self(self.0.replace(name, value))
    }
}

impl Deref for Commands {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// A block where it stands.
pub struct Block {
    /// The heading above it, of whatever level.
    pub heading: String,
    /// Its commands.
    pub commands: String,
}

/// The blocks of a text, in order.
pub fn blocks(text: &str) -> Vec<Block> {
    let (mut blocks, mut heading) = (Vec::<Block>::new(), String::new());
    // Inside of a fence: its indentation, and whether it is of commands.
    let mut fence = None;
    for line in text.lines() {
        let body = line.trim_start();
        match fence {
            None if body.starts_with("```") => {
                let is_shell = body == "```sh";
                fence = Some((line.len() - body.len(), is_shell));
                if is_shell {
                    blocks.push(Block { heading: heading.clone(), commands: String::new() });
                }
            }
            None if line.starts_with('#') => line.trim_matches(['#', ' ']).clone_into(&mut heading),
            Some(_) if body == "```" => fence = None,
            Some((indent, true)) => {
                let commands = &mut blocks.last_mut().unwrap().commands;
                commands.push_str(line.get(indent..).unwrap_or_default());
                commands.push('\n');
            }
            None | Some((_, false)) => {}
        }
    }
    assert!(fence.is_none(), "a block does not end, below {heading}");
    blocks
}

/// The only block below this heading of a document, named from the root of the repository, that has these words.
pub fn block(page: &str, heading: &str, words: &str) -> Commands {
    let text = fs::read_to_string(format!("{REPOSITORY}/{page}")).unwrap();
    let mut found = blocks(&text);
    found.retain(|block| block.heading == heading && block.commands.contains(words));
    assert_eq!(found.len(), 1, "blocks of {page} below {heading} that have {words}");
    Commands(found.remove(0).commands)
}
