use std::io;

/// Not on Windows: a reader of the console's keys can't be stopped for a shell.
#[derive(Debug)]
pub struct Keys;

impl Keys {
    pub fn open() -> io::Result<Option<Self>> {
        Ok(None)
    }

    pub async fn next(&mut self) -> char {
        std::future::pending().await
    }

    pub fn pause(&self) {}

    pub fn resume(&self) -> io::Result<()> {
        Ok(())
    }
}
