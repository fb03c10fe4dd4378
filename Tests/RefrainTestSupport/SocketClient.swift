import Foundation
import Testing

/// A connection on which anything can be sent.
public final class SocketClient {
  /// What a server answered.
  public struct Reply {
    /// Three digits.
    public var status = 0
    /// The lines before the body, in small letters.
    public var head = ""
    /// The body.
    public var text = ""
  }

  private let socket: Int32
  private var buffer: [UInt8] = []
  private var isOpen = true

  /// A connection to a port of this machine.
  ///
  /// - Parameter window: How many bytes the system takes before they are read; nil for as many as it likes.
  public init(_ port: Int, window: Int32? = nil) throws {
    #if os(Linux)
      socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #else
      socket = Foundation.socket(AF_INET, SOCK_STREAM, 0)
    #endif
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    if var window { setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &window, socklen_t(MemoryLayout<Int32>.size)) }
    let status = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    var patience = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    try #require(status == 0)
  }

  deinit { if isOpen { close(socket) } }

  /// Closes the connection at once.
  public func vanish() {
    close(socket)
    isOpen = false
  }

  /// Says that nothing more is sent; answers can still be read.
  public func endSending() { shutdown(socket, Int32(SHUT_WR)) }

  /// Sends all of a text.
  public func send(_ text: String) throws { try send(Array(text.utf8)) }

  /// Sends all of some bytes.
  public func send(_ bytes: [UInt8]) throws {
    var bytes = bytes[...]
    while !bytes.isEmpty {
      #if os(Linux)
        let count = bytes.withUnsafeBytes { Foundation.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      #else
        let count = bytes.withUnsafeBytes { Foundation.send(socket, $0.baseAddress, $0.count, 0) }
      #endif
      guard count > 0 else { throw ClientError.closed }
      bytes = bytes.dropFirst(count)
    }
  }

  /// Why nothing came.
  public enum ClientError: Error {
    /// The server closed the connection, or said nothing for ten seconds.
    case closed
  }

  /// Reads more; false at the end.
  private func read() -> Bool {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    let count = recv(socket, &chunk, chunk.count, 0)
    guard count > 0 else { return false }
    buffer += chunk[..<count]
    return true
  }

  /// Reads so many bytes.
  public func read(_ count: Int) throws -> [UInt8] {
    while buffer.count < count { guard read() else { throw ClientError.closed } }
    defer { buffer.removeFirst(count) }
    return Array(buffer[..<count])
  }

  /// Reads until a text has come.
  public func waits(for text: String) throws -> Bool {
    while true {
      if let range = buffer.firstRange(of: Array(text.utf8)) {
        buffer.removeSubrange(..<range.upperBound)
        return true
      }
      guard read() else { return false }
    }
  }

  /// The next answer, which says its length.
  public func reply() throws -> Reply {
    while buffer.firstRange(of: Array("\r\n\r\n".utf8)) == nil { guard read() else { throw ClientError.closed } }
    guard let end = buffer.firstRange(of: Array("\r\n\r\n".utf8)) else { throw ClientError.closed }
    let head = String(decoding: buffer[..<end.lowerBound], as: UTF8.self)
    buffer.removeSubrange(..<end.upperBound)
    var reply = Reply()
    reply.head = head.lowercased()
    reply.status = Int(head.split(separator: " ")[1]) ?? 0
    let length =
      head.lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
      .flatMap { Int($0.dropFirst(15).filter { $0 != " " }) } ?? 0
    while buffer.count < length { guard read() else { throw ClientError.closed } }
    reply.text = String(decoding: buffer[..<length], as: UTF8.self)
    buffer.removeSubrange(..<length)
    return reply
  }
}
