"""Tests of a small client of hyperstart, with HyperstartMock: a pattern for your own."""

import socket
import struct
import unittest

from hyperstart_mock import HyperstartMock

STARTPOD, ACK, PING, NEXT = 1, 9, 12, 14


def call(ctl_path, command, payload=b''):
    """The code under test: sends a command, and returns the payload of the ack."""
    with socket.socket(socket.AF_UNIX) as ctl:
        ctl.connect(ctl_path)
        ctl.sendall(struct.pack('>II', command, 8 + len(payload)) + payload)
        with ctl.makefile('rb') as file:
            code = NEXT
            while code == NEXT:
                code, length = struct.unpack('>II', file.read(8))
                reply = file.read(length - 8)
    if code != ACK:
        raise RuntimeError(f'the agent says: {reply.decode()}')
    return reply


class ClientTest(unittest.TestCase):
    def setUp(self):
        self.agent = HyperstartMock()
        self.addCleanup(self.agent.close)  # fails the test for what the client did wrong

    def test_a_command_arrives(self):
        self.assertEqual(call(self.agent.ctl, PING, b'hello'), b'')
        self.assertEqual(self.agent.wait_for_message(command='ping')['payload'], b'hello')

    def test_an_error_is_raised(self):
        self.agent.on(command='startpod', reply={'error': 'no space'})
        with self.assertRaisesRegex(RuntimeError, 'no space'):
            call(self.agent.ctl, STARTPOD)

    def test_a_reply_in_pieces(self):
        self.agent.on(command='ping', reply={'ack': 'hello', 'pieces': 1})
        self.assertEqual(call(self.agent.ctl, PING), b'hello')


if __name__ == '__main__':
    unittest.main()
