import CZlib
import RefrainData

/// Deflate, the compression of zip archives, through zlib.
enum Deflate {
  /// No more than so many bytes can come out of one: two bits that repeat 258 bytes.
  static let greatestRatio = 1032

  /// The `count` bytes that `compressed` stands for; nil when these are no deflated bytes, or more or fewer come out.
  ///
  /// Memory is taken as bytes come out, not as they are promised.
  static func inflate(_ compressed: ArraySlice<UInt8>, count: Int) -> [UInt8]? {
    // Room for one byte too many, to notice it.
    guard count < Int.max, count / greatestRatio <= compressed.count else { return nil }
    var stream = z_stream()
    guard inflateInit2_(&stream, -MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      return nil
    }
    defer { inflateEnd(&stream) }

    var result: [UInt8] = []
    result.reserveCapacity(Swift.min(count, compressed.count))
    let room = Swift.max(1, Swift.min(count + 1, chunkSize))
    var chunk = [UInt8](repeating: 0, count: room)
    var position = compressed.startIndex
    while true {
      // zlib counts in 32 bits: it is fed in portions.
      let portion = Swift.min(compressed.endIndex - position, portionSize)
      let (status, taken, given) = compressed[position..<position + portion].withUnsafeBufferPointer { input in
        chunk.withUnsafeMutableBufferPointer { output in
          stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
          stream.avail_in = UInt32(input.count)
          stream.next_out = output.baseAddress
          stream.avail_out = UInt32(output.count)
          let status = CZlib.inflate(&stream, Z_NO_FLUSH)
          return (status, input.count - Int(stream.avail_in), output.count - Int(stream.avail_out))
        }
      }
      position += taken
      guard given <= count - result.count else { return nil }
      result += chunk[..<given]
      if status == Z_STREAM_END { return result.count == count && position == compressed.endIndex ? result : nil }
      guard status == Z_OK, taken + given > 0 else { return nil }
    }
  }

  /// The bytes in deflated form.
  static func deflate(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var stream = z_stream()
    let opened = deflateInit2_(
      &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
    precondition(opened == Z_OK, "zlib has no memory for its state")
    defer { deflateEnd(&stream) }

    var result: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: chunkSize)
    var position = bytes.startIndex
    while true {
      let portion = Swift.min(bytes.endIndex - position, portionSize)
      let isLast = position + portion == bytes.endIndex
      let (status, taken, given) = bytes[position..<position + portion].withUnsafeBufferPointer { input in
        chunk.withUnsafeMutableBufferPointer { output in
          stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
          stream.avail_in = UInt32(input.count)
          stream.next_out = output.baseAddress
          stream.avail_out = UInt32(output.count)
          let status = CZlib.deflate(&stream, isLast ? Z_FINISH : Z_NO_FLUSH)
          return (status, input.count - Int(stream.avail_in), output.count - Int(stream.avail_out))
        }
      }
      position += taken
      result += chunk[..<given]
      if status == Z_STREAM_END { return result }
    }
  }

  /// The checksum that zip archives keep of every entry.
  static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.withUnsafeBufferPointer { UInt32(truncatingIfNeeded: crc32_z(0, $0.baseAddress, $0.count)) }
  }

  private static let chunkSize = 1 << 16
  private static let portionSize = 1 << 30
}
