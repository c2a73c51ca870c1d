//! What connections do in a world: packets travel, and everything may break.

use std::time::Duration;

use super::network::{Lane, Packet, ServerEnd};
use super::world::{What, World};

impl World {
    pub(crate) fn delay(&mut self) -> Duration {
        let most = self.setup.delay.as_micros() as u64;
        Duration::from_micros(self.random.below(most + 1))
    }

    pub(crate) fn send_up(&mut self, wire: usize, packet: Packet) {
        self.say(|| format!("{wire} > {packet:?}"));
        let delay = self.delay();
        if let Some(at) = self.wires[wire].up.push(packet, self.now, delay) {
            self.at(at, What::ArriveUp(wire));
        }
    }

    pub(crate) fn send_down(&mut self, wire: usize, packet: Packet) {
        self.say(|| format!("{wire} < {packet:?}"));
        let delay = self.delay();
        if let Some(at) = self.wires[wire].down.push(packet, self.now, delay) {
            self.at(at, What::ArriveDown(wire));
        }
    }

    pub(crate) fn server_closes(&mut self, wire: usize, code: u16) {
        self.wires[wire].server = ServerEnd::Gone;
        self.send_down(wire, Packet::Close(code));
    }

    /// A connection breaks.
    pub(crate) fn cut(&mut self, wire: usize) {
        self.say(|| format!("{wire} is cut"));
        if self.wires[wire].server == ServerEnd::Unopened {
            self.wires[wire].server = ServerEnd::Gone;
        }
        let (up, down) = (self.surviving(wire, true), self.surviving(wire, false));
        let (one, other) = (self.delay(), self.delay());
        if let Some(at) = self.wires[wire].up.cut(up, self.now, one) {
            self.at(at, What::ArriveUp(wire));
        }
        if let Some(at) = self.wires[wire].down.cut(down, self.now, other) {
            self.at(at, What::ArriveDown(wire));
        }
    }

    /// What is under way to the server comes late: the client has given up by then, perhaps.
    pub(crate) fn stall(&mut self, wire: usize) {
        let longer = Duration::from_millis(self.random.below(5_000));
        self.say(|| format!("{wire} stalls for {longer:?}"));
        let packets = self.wires[wire].up.in_flight();
        if let Some(at) = self.wires[wire].up.stall(longer) {
            for _ in 0..packets {
                self.at(at, What::ArriveUp(wire));
            }
        }
        if self.random.one_in(2) {
            let delay = self.delay();
            if let Some(at) = self.wires[wire].down.cut(0, self.now, delay) {
                self.at(at, What::ArriveDown(wire));
            }
        }
    }

    /// A connection goes silent, in one direction or in both.
    pub(crate) fn silence(&mut self, wire: usize) {
        let (up, down) = self.random.pick(&[(true, true), (true, false), (false, true)]);
        self.say(|| format!("{wire} goes silent: up {up}, down {down}"));
        let (kept_up, kept_down) = (self.surviving(wire, true), self.surviving(wire, false));
        let wire = &mut self.wires[wire];
        if up {
            wire.up.silence(kept_up);
            wire.down.deafen();
        }
        if down {
            wire.down.silence(kept_down);
            wire.up.deafen();
        }
    }

    /// How many of the packets under way still arrive.
    fn surviving(&mut self, wire: usize, up: bool) -> usize {
        let lane: &Lane = if up {
            &self.wires[wire].up
        } else {
            &self.wires[wire].down
        };
        let count = lane.in_flight() as u64 + 1;
        self.random.below(count) as usize
    }
}
