"""Starts mock-hyperstart and speaks with it; and a client of the double. Standard library only."""

import json
import os
import queue
import socket
import struct
import subprocess
import threading

PROGRAM = os.environ['MOCK_HYPERSTART']
DEADLINE = 60  # seconds, for whatever is expected: only a failure takes so long


class RpcError(Exception):
    def __init__(self, error):
        super().__init__(error['message'])
        self.code = error['code']


class Double:
    """One mock-hyperstart --rpc."""

    def __init__(self, *arguments, on_command=None):
        self.process = subprocess.Popen([PROGRAM, '--rpc', *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.on_command = on_command
        self.events = queue.Queue()
        self.answers = {}
        self.changed = threading.Condition()
        self.last_id = 0
        self.orphans = queue.Queue()  # errors about lines, without an id
        self.listening = json.loads(self.process.stdout.readline())
        self.ctl = self.listening['params']['ctl']
        self.io = self.listening['params']['io']
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.close()
        self.process.stdin.close()
        self.reader.join(DEADLINE)
        self.process.stdout.close()
        self.process.stderr.close()

    def close(self):
        """Ends the program; returns its exit status."""
        self.process.stdin.close()
        status = self.process.wait(DEADLINE)
        self.reader.join(DEADLINE)
        return status

    def write(self, line):
        self.process.stdin.write(line if isinstance(line, bytes) else line.encode() + b'\n')
        self.process.stdin.flush()

    def send(self, method, **params):
        self.last_id += 1
        self.write(json.dumps({'jsonrpc': '2.0', 'id': self.last_id, 'method': method,
                               'params': params}))
        return self.last_id

    def receive(self, request):
        with self.changed:
            if not self.changed.wait_for(lambda: request in self.answers, DEADLINE):
                raise TimeoutError(f'no answer to request {request}')
            answer = self.answers.pop(request)
        if 'error' in answer:
            raise RpcError(answer['error'])
        return answer['result']

    def call(self, method, **params):
        return self.receive(self.send(method, **params))

    def _read(self):
        for line in self.process.stdout:
            message = json.loads(line)
            if message.get('method') == 'event':
                self.events.put(message['params'])
            elif message.get('method') == 'command':
                result = self.on_command(message['params'])
                self.write(json.dumps({'jsonrpc': '2.0', 'id': message['id'], 'result': result}))
            elif message['id'] is None:
                self.orphans.put(message['error'])
            else:
                with self.changed:
                    self.answers[message['id']] = message
                    self.changed.notify_all()


class Channel:
    """A client of one channel."""

    def __init__(self, path, header):
        self.header = struct.Struct(header)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(path)

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
