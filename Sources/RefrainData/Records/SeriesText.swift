/// A series as it is written in one field: channels between colons, their values between commas, semicolons or blanks,
/// or each as a pair `(time,value)`.
package struct SeriesText: Sendable {
  /// The values of each channel; NaN for a missing one.
  package private(set) var channels: [[Double]] = [[]]
  /// The times of the values, where they are pairs; else nothing. Numbers are as they stand, calendar times seconds.
  package private(set) var times: [[Double]] = []

  /// How many steps the longest channel has.
  package var length: Int { channels.reduce(0) { max($0, $1.count) } }

  /// A series of channels, which all have the same steps.
  ///
  /// - Parameter times: Those of the steps; none where they are only counted.
  package init(channels: [[Double]], times: [Double]) {
    self.channels = channels
    self.times = times.isEmpty ? [] : Array(repeating: times, count: channels.count)
  }

  /// - Returns: nil for a text with anything but numbers, or with times beside some of the values only.
  package init?(_ text: String) {
    let bytes = Array(text.utf8)
    var times: [[Double]] = [[]]
    var moments = MomentReader()
    var position = 0
    // Whether a separator asks for a value behind it.
    var isOpen = false
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "(") {
        guard let end = bytes[position...].firstIndex(of: UInt8(ascii: ")")),
          let comma = bytes[position..<end].lastIndex(of: UInt8(ascii: ",")),
          let time = moments.read(bytes[position + 1..<comma].trimmedBytes),
          let value = Self.value(bytes[comma + 1..<end].trimmedBytes)
        else { return nil }
        channels[channels.count - 1].append(value)
        times[times.count - 1].append(time)
        (position, isOpen) = (end + 1, false)
        // The separator behind a pair belongs to it.
        while position < bytes.count, isBlank(bytes[position]) { position += 1 }
        if position < bytes.count, bytes[position] == UInt8(ascii: ",") || bytes[position] == UInt8(ascii: ";") {
          position += 1
        }
        continue
      }
      if byte == .colon {
        if isOpen || channels[channels.count - 1].isEmpty, times[times.count - 1].isEmpty {
          channels[channels.count - 1].append(.nan)
        }
        channels.append([])
        times.append([])
        (position, isOpen) = (position + 1, true)
        continue
      }
      if isBlank(byte) {
        position += 1
        continue
      }
      if byte == UInt8(ascii: ",") || byte == UInt8(ascii: ";") {
        if isOpen || channels[channels.count - 1].isEmpty { channels[channels.count - 1].append(.nan) }
        (position, isOpen) = (position + 1, true)
        continue
      }
      let end = bytes[position...].firstIndex { Self.endsValue($0) } ?? bytes.count
      guard let value = Self.value(bytes[position..<end]) else { return nil }
      channels[channels.count - 1].append(value)
      position = end
      while position < bytes.count, isBlank(bytes[position]) { position += 1 }
      isOpen = false
      if position < bytes.count, bytes[position] == UInt8(ascii: ",") || bytes[position] == UInt8(ascii: ";") {
        (position, isOpen) = (position + 1, true)
      }
    }
    let hasTimes = times.contains { !$0.isEmpty }
    if isOpen, !hasTimes { channels[channels.count - 1].append(.nan) }
    guard length > 0 else { return nil }
    guard hasTimes else { return }
    for (channel, own) in times.enumerated() where own.count != channels[channel].count {
      // A channel of which nothing was seen has no pair, and so no time.
      guard own.isEmpty, channels[channel].allSatisfy(\.isNaN) else { return nil }
      channels[channel] = []
    }
    self.times = times
  }

  private static func endsValue(_ byte: UInt8) -> Bool {
    isBlank(byte) || byte == UInt8(ascii: ",") || byte == UInt8(ascii: ";") || byte == .colon
      || byte == UInt8(ascii: "(")
  }

  /// A number; NaN for what says that there is none; nil for anything else.
  private static func value(_ bytes: ArraySlice<UInt8>) -> Double? {
    guard bytes.count < 64 else { return nil }
    if bytes.isEmpty || bytes.elementsEqual([UInt8(ascii: "?")]) { return .nan }
    let text = String(decoding: bytes, as: UTF8.self)
    guard let value = Double(text) else { return ["na", "null", "none"].contains(text.lowercased()) ? .nan : nil }
    return value.isInfinite ? nil : value
  }

  /// The values of all channels at each step, `[T, C]`, and the times of the steps: those at which any channel has a
  /// value, or none where steps are only counted. NaN is missing; of several values at one time the mean is taken.
  package func steps() -> (values: [Double], times: [Double]) {
    guard !times.isEmpty else {
      var values: [Double] = []
      values.reserveCapacity(length * channels.count)
      for step in 0..<length { for own in channels { values.append(step < own.count ? own[step] : .nan) } }
      return (values, [])
    }
    let moments = Set(times.joined()).sorted()
    var values = [Double](repeating: .nan, count: moments.count * channels.count)
    for (channel, (own, times)) in zip(channels, times).enumerated() {
      var counts: [Int: Double] = [:]
      for (value, time) in zip(own, times) where value.isFinite {
        var (low, high) = (0, moments.count - 1)
        while low < high {
          let middle = (low + high) / 2
          if moments[middle] < time { low = middle + 1 } else { high = middle }
        }
        let place = low * channels.count + channel
        let count = counts[place, default: 0] + 1
        counts[place] = count
        values[place] = count == 1 ? value : values[place] + (value - values[place]) / count
      }
    }
    return (values, moments)
  }
}
