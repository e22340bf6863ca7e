//! What both Governify services share: the infrastructure file, the `/commons` addresses, the log collection in MongoDB,
//! dates as JavaScript reads them, and the HTTP habits of the originals.
//!
//! Never knows of agreements or tasks; [`crate::registry`] and [`crate::director`] use it and not each other. A request
//! goes through [`front`] (id, preflight, body, spelling) to the service's router, which holds [`commons::router`] besides
//! its own routes. Events of the whole process reach [`logger`]'s queue and leave it on a thread of its own.

pub mod body;
pub mod commons;
pub mod dates;
pub mod front;
pub mod infrastructure;
pub mod logger;
pub mod settings;
