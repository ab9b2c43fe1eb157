//! The pages, divided into prose and code.

use std::fs;
use std::path::{Path, PathBuf};

/// A document.
pub struct Page {
    /// Its path from the root of the package.
    pub path: PathBuf,
    pub text: String,
}

/// Code in a page: a fenced block, without its indentation in a list.
pub struct Block {
    pub language: String,
    pub code: String,
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every document for users and developers.
pub fn pages() -> Vec<Page> {
    let mut paths = Vec::new();
    for folder in ["", ".ci", "charts/mtls-operator", "docs"] {
        let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        paths.extend(entries.map(|name| Path::new(folder).join(name)));
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    assert!(paths.len() > 10, "{paths:?}");
    paths.into_iter().map(Page::read).collect()
}

impl Page {
    pub fn read(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let text = fs::read_to_string(root().join(&path)).unwrap();
        Self { path, text }
    }

    /// What is outside of fenced blocks, with an empty line in place of each line of a block.
    pub fn prose(&self) -> Vec<&str> {
        self.divided().0
    }

    /// The fenced blocks.
    pub fn blocks(&self) -> Vec<Block> {
        self.divided().1
    }

    fn divided(&self) -> (Vec<&str>, Vec<Block>) {
        let (mut prose, mut blocks) = (Vec::new(), Vec::<Block>::new());
        let mut indent = None;
        for line in self.text.lines() {
            let body = line.trim_start();
            let is_fence = body.starts_with("```");
            match indent {
                None if is_fence => {
                    indent = Some(line.len() - body.len());
                    let language = body.trim_start_matches('`').to_owned();
                    blocks.push(Block { language, code: String::new() });
                }
                Some(_) if is_fence => indent = None,
                Some(indent) => {
                    let code = &mut blocks.last_mut().unwrap().code;
                    *code += line.get(indent..).unwrap_or_default();
                    code.push('\n');
                }
                None => {}
            }
            prose.push(if indent.is_some() || is_fence { "" } else { line });
        }
        assert!(indent.is_none(), "{}: a block does not end", self.path.display());
        (prose, blocks)
    }
}
