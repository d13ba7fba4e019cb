package hyperstartmock_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
)

// client is a small client of the agent: the code under test.
type client struct {
	ctl, io net.Conn
}

func connect(ctlPath, ioPath string) (*client, error) {
	ctl, err := net.Dial("unix", ctlPath)
	if err != nil {
		return nil, err
	}
	io, err := net.Dial("unix", ioPath)
	if err != nil {
		ctl.Close()
		return nil, err
	}
	return &client{ctl, io}, nil
}

func (c *client) close() {
	c.ctl.Close()
	c.io.Close()
}

// call sends a command and returns the payload of the ack to it.
func (c *client) call(code uint32, payload string) (string, error) {
	if _, err := c.ctl.Write(frame(binary.BigEndian.AppendUint32, code, payload)); err != nil {
		return "", err
	}
	for {
		code, payload, err := c.receive()
		switch {
		case err != nil:
			return "", err
		case code == codeNext:
			continue
		case code == codeError:
			return "", fmt.Errorf("the agent says: %s", payload)
		}
		return payload, nil
	}
}

func (c *client) receive() (uint32, string, error) {
	header := make([]byte, 8)
	if _, err := io.ReadFull(c.ctl, header); err != nil {
		return 0, "", err
	}
	payload := make([]byte, binary.BigEndian.Uint32(header[4:])-8)
	_, err := io.ReadFull(c.ctl, payload)
	return binary.BigEndian.Uint32(header), string(payload), err
}

func (c *client) write(seq uint64, data string) error {
	_, err := c.io.Write(frame(binary.BigEndian.AppendUint64, seq, data))
	return err
}

func (c *client) read() (uint64, string, error) {
	header := make([]byte, 12)
	if _, err := io.ReadFull(c.io, header); err != nil {
		return 0, "", err
	}
	data := make([]byte, binary.BigEndian.Uint32(header[8:])-12)
	_, err := io.ReadFull(c.io, data)
	return binary.BigEndian.Uint64(header), string(data), err
}

func frame[Key uint32 | uint64](add func([]byte, Key) []byte, key Key, payload string) []byte {
	bytes := add(nil, key)
	bytes = binary.BigEndian.AppendUint32(bytes, uint32(len(bytes)+4+len(payload)))
	return append(bytes, payload...)
}

const (
	codeStartPod     = 1
	codeReady        = 8
	codeAck          = 9
	codeError        = 10
	codePing         = 12
	codeNext         = 14
	codeNewContainer = 17
)
