//! The stack and the presets that are brought along are valid as they are.

use std::collections::BTreeMap;
use std::path::Path;

use crate::spec::{Inputs, load};

#[test]
fn the_status_stack_loads_in_every_mode() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read(dir.join("services.toml")).unwrap();
    let env = BTreeMap::new();
    for mode in ["production", "development"] {
        let mut inputs = Inputs::new(dir.join("services.toml"), &text, &env, &|path: &Path| std::fs::read(path));
        inputs.mode = Some(mode);
        let loaded = load(&inputs);
        assert!(loaded.is_ok(), "{mode}: {loaded:#?}");
    }
}
