//! The orders to a machine.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use super::Order;

/// The orders to a machine.
pub struct Orders<'a> {
    pub receiver: &'a mut mpsc::UnboundedReceiver<Order>,
    /// Orders from before the hypervisor was ready.
    pub postponed: VecDeque<Order>,
}

impl Orders<'_> {
    /// Waits for the order to quit and postpones all others.
    pub async fn quit(&mut self) {
        loop {
            match self.receiver.recv().await {
                Some(Order::Quit) => return,
                Some(order) => self.postponed.push_back(order),
                None => std::future::pending().await,
            }
        }
    }

    /// Waits for the next order. Cancel safe.
    pub async fn next(&mut self) -> Option<Order> {
        match self.postponed.pop_front() {
            Some(order) => Some(order),
            None => self.receiver.recv().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn orders_from_before_the_start_come_first() {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let mut orders = Orders {
            receiver: &mut receiver,
            postponed: VecDeque::new(),
        };
        for order in [
            Order::Resume,
            Order::GuestIsUp,
            Order::Quit,
            Order::PowerButton,
        ] {
            sender.send(order).unwrap();
        }
        orders.quit().await;
        drop(sender);
        assert!(matches!(orders.next().await, Some(Order::Resume)));
        assert!(matches!(orders.next().await, Some(Order::GuestIsUp)));
        assert!(matches!(orders.next().await, Some(Order::PowerButton)));
        assert!(orders.next().await.is_none());
    }
}
