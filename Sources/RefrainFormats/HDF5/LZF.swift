/// LZF, the fast compression that h5py has beside gzip (Lehmann 2000): copies of up to 32 bytes of the input, and
/// references to up to 264 bytes of at most 8192 bytes before.
enum LZF {
  /// The bytes that were compressed; nil where they are damaged, or more than `limit`.
  static func expand(_ bytes: ArraySlice<UInt8>, atMost limit: Int) -> [UInt8]? {
    var result: [UInt8] = []
    var position = bytes.startIndex
    func byte() -> Int? {
      guard position < bytes.endIndex else { return nil }
      defer { position += 1 }
      return Int(bytes[position])
    }
    while let control = byte() {
      if control < 32 {
        guard control < bytes.endIndex - position, result.count + control < limit else { return nil }
        result += bytes[position...position + control]
        position += control + 1
        continue
      }
      var count = control >> 5 + 2
      if count == 9 {
        guard let more = byte() else { return nil }
        count += more
      }
      guard let low = byte() else { return nil }
      let start = result.count - (control & 31) << 8 - low - 1
      guard start >= 0, result.count + count <= limit else { return nil }
      // What is copied may be made by the copying itself.
      for place in start..<start + count { result.append(result[place]) }
    }
    return result
  }
}
