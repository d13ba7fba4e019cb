-- Names hyperstart's commands and streams in a capture of vsock, as SavePcapng of mock_hyperstart and
-- Linux's vsockmon write it:
--
--   wireshark -X lua_script:hyperstart.lua session.pcapng
--   tshark -X lua_script:hyperstart.lua -r session.pcapng -Y hyperstart
--
-- A frame is shown at the packet in which it ends; in the summary several are joined by commas.
-- The fields work in filters: hyperstart.command == "startpod", hyperstart.seq == 7.
-- What is on port 2718 is ctl, on port 2719 io, of either end.

local CTL, IO = 2718, 2719

local NAMES = {
  [0] = "version", "startpod", "getpod", "stoppod", "destroypod", "restartcontainer", "execcmd",
  "finishcmd", "ready", "ack", "error", "winsize", "ping", "finishpod", "next", "writefile",
  "readfile", "newcontainer", "killcontainer", "onlinecpumem", "setupinterface", "setuproute",
  "removecontainer", "processasyncevent", "signalprocess", "deleteinterface",
}

local hyperstart = Proto("hyperstart", "hyperstart agent")
local f_channel = ProtoField.string("hyperstart.channel", "Channel")
local f_command = ProtoField.string("hyperstart.command", "Command")
local f_code = ProtoField.uint32("hyperstart.code", "Code")
local f_seq = ProtoField.uint64("hyperstart.seq", "Stream")
local f_length = ProtoField.uint32("hyperstart.length", "Payload length")
local f_text = ProtoField.string("hyperstart.payload", "Payload")
local f_count = ProtoField.uint32("hyperstart.count", "Counted bytes")
hyperstart.fields = {f_channel, f_command, f_code, f_seq, f_length, f_text, f_count}

local field_src_cid = Field.new("vsock.src_cid")
local field_dst_cid = Field.new("vsock.dst_cid")
local field_src_port = Field.new("vsock.src_port")
local field_dst_port = Field.new("vsock.dst_port")
local field_op = Field.new("vsock.op")

local PAYLOAD = 4
local HEADER = 32 -- struct af_vsockmon_hdr

local pending = {}  -- of each direction of each connection: the bytes of a frame that is incomplete
local decoded = {}  -- of each packet, by its number: its frames. Packets are shown in any order later

function hyperstart.init()
  pending = {}
  decoded = {}
end

local function u32(bytes, at)
  local a, b, c, d = bytes:byte(at, at + 3)
  return ((a * 256 + b) * 256 + c) * 256 + d
end

local function printable(bytes)
  local text = bytes:sub(1, 200):gsub("[^\32-\126]", ".")
  return text
end

-- Takes the whole frames from the front of `bytes`. Returns them and the rest.
local function take_frames(bytes, channel)
  local header = channel == "ctl" and 8 or 12
  local frames = {}
  local at = 1
  while #bytes - at + 1 >= header do
    local length = u32(bytes, at + header - 4)
    if length < header then
      frames[#frames + 1] = {broken = true}
      return frames, ""
    end
    if #bytes - at + 1 < length then break end
    local payload = bytes:sub(at + header, at + length - 1)
    local frame = {length = length - header, text = printable(payload)}
    if channel == "ctl" then
      frame.code = u32(bytes, at)
      frame.command = NAMES[frame.code] or tostring(frame.code)
      if frame.command == "next" and #payload == 4 then frame.count = u32(payload, 1) end
    else
      frame.seq = UInt64.new(u32(bytes, at + 4), u32(bytes, at))
    end
    frames[#frames + 1] = frame
    at = at + length
  end
  return frames, bytes:sub(at)
end

local function describe(frame)
  if frame.broken then return "broken header" end
  if frame.count then return "next " .. frame.count end
  if frame.command then
    return frame.length == 0 and frame.command or frame.command .. " " .. frame.text:sub(1, 60)
  end
  if frame.length == 0 then return "seq " .. tostring(frame.seq) .. " end of stream" end
  return "seq " .. tostring(frame.seq) .. " " .. frame.text:sub(1, 60)
end

function hyperstart.dissector(buffer, pinfo, tree)
  local op, src, dst = field_op(), field_src_port(), field_dst_port()
  if not op or not src or not dst then return end
  local from_agent = src.value == CTL or src.value == IO
  local port = from_agent and src.value or dst.value
  if port ~= CTL and port ~= IO then return end
  local channel = port == CTL and "ctl" or "io"
  local key = table.concat({tostring(field_src_cid().value), src.value,
                            tostring(field_dst_cid().value), dst.value}, " ")
  if not pinfo.visited then
    local frames = {}
    if op.value == PAYLOAD then
      local transport = buffer(28, 2):le_uint()
      local begin = HEADER + transport
      if buffer:len() > begin then
        local bytes = (pending[key] or "") .. buffer:raw(begin)
        frames, pending[key] = take_frames(bytes, channel)
      end
    else
      pending[key] = nil
    end
    decoded[pinfo.number] = frames
  end

  local subtree = tree:add(hyperstart, buffer(), "hyperstart, " .. channel)
  subtree:add(f_channel, channel):set_generated()
  local words = {}
  for _, frame in ipairs(decoded[pinfo.number] or {}) do
    local words_of_frame = describe(frame)
    words[#words + 1] = words_of_frame
    local item = subtree:add(hyperstart, buffer(), words_of_frame)
    if not frame.broken then
      if frame.command then
        item:add(f_command, frame.command):set_generated()
        item:add(f_code, frame.code):set_generated()
      else
        item:add(f_seq, frame.seq):set_generated()
      end
      item:add(f_length, frame.length):set_generated()
      if frame.length > 0 then item:add(f_text, frame.text):set_generated() end
      if frame.count then item:add(f_count, frame.count):set_generated() end
    end
  end
  if #words > 0 then
    pinfo.cols.info:set(channel .. (from_agent and " <-- " or " --> ") .. table.concat(words, ", "))
  end
end

register_postdissector(hyperstart)
