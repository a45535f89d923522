//! Finding passages in a caller's documents. In: how a text is divided, compared and ranked, what is asked of a
//! collection, and the wire languages of vector stores. Out: storage, connections, who may search (see `service`).

mod ask;
mod chunk;
mod fuse;
mod settings;
pub mod stores;
mod vector;
mod words;

pub use ask::{Document, MOST_DOCUMENTS, Mode, Search, check_name, read_documents, read_search};
pub use chunk::chunks;
pub use fuse::fuse;
pub use settings::{Settings, StoreSettings};
pub use vector::{Matrix, Sketch, cosine, read_vector, write_vector};
pub use words::{indexed, query};
