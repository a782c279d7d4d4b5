"""ZooKeeper's client protocol by hand, for what no decent client would send and for what only raw replies show."""

import socket
import struct

NO_PASSWORD = bytes(16)

CREATE, DELETE, EXISTS, GET_DATA, SET_DATA, GET_ACL, SET_ACL, GET_CHILDREN, SYNC, PING = 1, 2, 3, 4, 5, 6, 7, 8, 9, 11
GET_CHILDREN2, CHECK, MULTI, CREATE2, AUTH, SET_WATCHES, CLOSE = 12, 13, 14, 15, 100, 101, -11

WATCH_EVENT_XID, PING_XID, AUTH_XID, SET_WATCHES_XID = -1, -2, -4, -8

CREATED, DELETED, CHANGED, CHILDREN = 1, 2, 3, 4

OPEN_ACL = struct.pack(">ii", 1, 31) + struct.pack(">i", 5) + b"world" + struct.pack(">i", 6) + b"anyone"


def string(text):
    data = text.encode() if isinstance(text, str) else text
    return struct.pack(">i", len(data)) + data


def strings(paths):
    return struct.pack(">i", len(paths)) + b"".join(map(string, paths))


def create_body(path, data=b"", flags=0, acl=OPEN_ACL):
    return string(path) + string(data) + acl + struct.pack(">i", flags)


def path_and_watch(path, watch=False):
    return string(path) + (b"\1" if watch else b"\0")


def connect_request(session=0, password=NO_PASSWORD, timeout_ms=10000, last_zxid=0, read_only=b"\0"):
    return struct.pack(">iqiq", 0, last_zxid, timeout_ms, session) + string(password) + read_only


class Closed(Exception):
    """The server closed the connection."""


class RawClient:
    def __init__(self, address, timeout_s=20):
        self.socket = socket.create_connection(address, timeout=timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.xid = 0
        self.events = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def send_frame(self, payload):
        self.send(string(payload))

    def _take(self, size):
        while len(self.buffer) < size:
            try:
                piece = self.socket.recv(65536)
            except ConnectionError:
                raise Closed()
            if not piece:
                raise Closed()
            self.buffer += piece
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def receive_frame(self):
        return self._take(struct.unpack(">i", self._take(4))[0])

    def is_closed(self):
        """Waits for the server to close; False if it says something or nothing instead."""
        try:
            self.receive_frame()
            return False
        except Closed:
            return True
        except socket.timeout:
            return False

    def connect(self, **fields):
        """(timeout_ms, session, password); timeout 0: refused."""
        self.send_frame(connect_request(**fields))
        answer = self.receive_frame()
        _, timeout_ms, session, size = struct.unpack(">iiqi", answer[:20])
        self.session, self.password = session, answer[20:20 + size]
        self.connect_answer = answer
        return timeout_ms, session, self.password

    def send_request(self, op, body=b"", xid=None):
        if xid is None:
            self.xid += 1
            xid = self.xid
        self.send_frame(struct.pack(">ii", xid, op) + body)
        return xid

    def receive(self):
        """(xid, zxid, error, body) of the next frame, events included."""
        frame = self.receive_frame()
        return struct.unpack(">iqi", frame[:16]) + (frame[16:],)

    def reply(self, expected_xid):
        """(error, body, zxid) of the next reply; events before it go to `events` as (type, path)."""
        while True:
            xid, zxid, error, body = self.receive()
            if xid != WATCH_EVENT_XID:
                assert xid == expected_xid, "reply %d came where %d was due" % (xid, expected_xid)
                return error, body, zxid
            self._keep_event(body)

    def _keep_event(self, body):
        kind, state, size = struct.unpack(">iii", body[:12])
        assert state == 3, state
        self.events.append((kind, body[12:12 + size].decode()))

    def next_event(self):
        while not self.events:
            xid, _, _, body = self.receive()
            assert xid == WATCH_EVENT_XID, "reply %d came where an event was due" % xid
            self._keep_event(body)
        return self.events.pop(0)

    def request(self, op, body=b"", xid=None):
        """(error, body) of the answer."""
        return self.reply(self.send_request(op, body, xid))[:2]
