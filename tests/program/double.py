"""Starts mock-hyperstart and speaks with it; and a client of the double. Standard library only."""

import os
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../examples/python'))
from hyperstart_mock import HyperstartMock, RpcError  # noqa: E402

PROGRAM = os.environ['MOCK_HYPERSTART']
os.environ.pop('HYPERSTART_CTL', None)  # of whoever runs the tests: hyperstart-ctl would connect to it
DEADLINE = 60  # seconds, for whatever is expected: only a failure takes so long


class Double(HyperstartMock):
    """A mock that shows the JSON as it is, and fails no test for what the client does."""

    def __init__(self, *arguments, on_command=None):
        super().__init__(*arguments, on_command=on_command, object_hook=None,
                         stderr=subprocess.PIPE)

    def receive(self, request):
        return request.result(DEADLINE)

    def call(self, method, **params):
        return self.receive(self.send(method, **params))

    def close(self):
        """Ends the program, and returns its exit status."""
        return self.end()

    def __exit__(self, *_):
        self.end()
        self.process.stderr.close()


class Channel:
    """A client of one channel."""

    def __init__(self, path, header):
        self.header = struct.Struct(header)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE)
        try:
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, key, payload=b''):
        self.socket.sendall(self.header.pack(key, self.header.size + len(payload)) + payload)

    def _read(self, size):
        data = b''
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise EOFError('the double has closed the connection')
            data += piece
        return data

    def receive(self):
        key, length = self.header.unpack(self._read(self.header.size))
        return key, self._read(length - self.header.size)

    def call(self, key, payload=b''):
        """The reply to a command, without the nexts before it."""
        self.send(key, payload)
        while True:
            frame = self.receive()
            if frame[0] != 14:
                return frame


def ctl(double):
    return Channel(double.ctl, '>II')


def io(double):
    return Channel(double.io, '>QI')
