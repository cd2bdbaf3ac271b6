//! Hyper-V, through PowerShell.
//! <https://learn.microsoft.com/powershell/module/hyper-v/>

mod find;
mod plan;
pub mod port_relay;
mod run;
mod script;

pub use find::{FindError, Hyperv, remove_orphan};
pub use plan::{PlanError, launch};
pub use run::{Control, give_up, start};
