//! A copy of the checkout to work in: what git has or would take, so that the guide's commands leave the developer's own
//! files alone, and nothing counts that is not part of the project.

use std::path::{Path, PathBuf};

use crate::shell::Shell;

/// Copies the workspace's files below `into`. The folder of the copy.
pub async fn copy(workspace: &Path, into: &Path) -> PathBuf {
    let copy = into.join("chatflow");
    let _ = std::fs::remove_dir_all(&copy);
    std::fs::create_dir_all(&copy).expect("the folder can be made");
    let shell = Shell::new(workspace, "none");
    let script = format!(
        "git ls-files -z --cached --others --exclude-standard | xargs -0 -I{{}} sh -c '[ ! -e \"{{}}\" ] || echo \"{{}}\"' \
         | tar -c -T - | tar -x -C {}",
        copy.display()
    );
    shell.must(&script, crate::stack::SOON).await;
    copy
}
