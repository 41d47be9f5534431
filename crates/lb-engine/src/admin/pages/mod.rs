//! The pages that HTTP clients may ask of the engine: metrics and the status page, made on the control thread.

mod act;
mod cells;
mod changes;
mod facts;
mod frame;
mod html;
mod metrics;
mod walk;

use super::dump::{BATCH, Dump, PIECE};
use super::{process, stat};
use crate::activity::{self, task};
use crate::control::Control;
use crate::orders::{Order, Page, Scope};
use lb_admin::Reply;
use std::rc::Rc;
use tokio::sync::mpsc;

/// Fills orders until the engine ends.
pub async fn serve(control: Rc<Control>, mut orders: mpsc::Receiver<Order>) {
    while let Some(order) = orders.recv().await {
        let control = Rc::clone(&control);
        activity::spawn(task::Page, async move {
            // A client that went away is nobody's failure.
            let _ = fill(&control, order).await;
        });
    }
}

/// The client is gone.
struct Gone;

/// Pieces on their way to a client, gathered to a decent size.
struct Tray<'a> {
    pieces: &'a mpsc::Sender<Vec<u8>>,
    batch: Vec<u8>,
}

impl<'a> Tray<'a> {
    fn new(pieces: &'a mpsc::Sender<Vec<u8>>) -> Self {
        Self { pieces, batch: Vec::new() }
    }

    /// Takes note that a little more was written: offers the processor to data threads, and sends when there is enough.
    async fn step(&mut self) -> Result<(), Gone> {
        std::thread::yield_now();
        if self.batch.len() < BATCH {
            return Ok(());
        }
        self.flush().await?;
        tokio::task::yield_now().await;
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Gone> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.pieces.send(std::mem::take(&mut self.batch)).await.map_err(|_| Gone)
    }
}

async fn fill(control: &Rc<Control>, order: Order) -> Result<(), Gone> {
    let mut tray = Tray::new(&order.pieces);
    match order.page {
        Page::Metrics(query) => metrics::write(control, &query, &mut tray).await?,
        Page::Stat { words, scope } => table(control, &words, scope, &mut tray).await?,
        Page::Schema => {
            if let Reply::Raw(text) = process::schema() {
                tray.batch = text;
            }
        }
        Page::Status(view) => html::write(control, &view, &mut tray).await?,
        Page::Changes(view) => changes::write(control, &view, &mut tray).await?,
        Page::Act(act) => tray.batch = act::run(control, &act).await.as_bytes().to_vec(),
    }
    tray.flush().await
}

async fn table(control: &Control, words: &[String], scope: Scope, tray: &mut Tray<'_>) -> Result<(), Gone> {
    let mut dump = Dump::Stat(stat::page(words, scope));
    let mut piece = Vec::with_capacity(PIECE * 2);
    loop {
        piece.clear();
        let more = dump.next(control, &mut piece).await;
        tray.batch.extend_from_slice(&piece);
        if !more {
            return Ok(());
        }
        tray.step().await?;
    }
}
