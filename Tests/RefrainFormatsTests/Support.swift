import RefrainData
import RefrainFormats

/// The name of the format that bytes are known to be of.
func formatName(_ bytes: [UInt8]) throws(DataError) -> String {
  try ForeignFormats.format(of: ForeignFile(bytes: bytes)).name
}

/// The number of `width` bytes at `position`, lowest first, replaced by another.
func patched(_ bytes: [UInt8], at position: Int, width: Int, with value: UInt64) -> [UInt8] {
  var bytes = bytes
  for place in 0..<width { bytes[position + place] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(place))) }
  return bytes
}

/// Where `part` occurs in `bytes`.
func positions(of part: [UInt8], in bytes: [UInt8]) -> [Int] {
  bytes.indices.filter { bytes[$0...].starts(with: part) }
}
