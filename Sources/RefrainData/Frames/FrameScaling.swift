extension Clip {
  /// The clip in another form.
  ///
  /// Gray is 0.299 of red, 0.587 of green and 0.114 of blue (ITU-R BT.601). A smaller frame has the means of the areas
  /// that become one place; a larger one lies on straight lines between the places. Of another rate, frames are left
  /// out or repeated.
  public func formatted(as format: FrameFormat) -> Clip {
    var clip = self
    if let isGray = format.isGray, isGray != (channels == 1) { clip = isGray ? clip.gray : clip.colored }
    if (format.rows ?? rows) != rows || (format.columns ?? columns) != columns {
      clip = clip.scaled(rows: format.rows ?? rows, columns: format.columns ?? columns)
    }
    // Frames are repeated when they are as small as they will be.
    if let rate = format.rate, let own = self.rate, rate != own { clip = clip.resampled(from: own, to: rate) }
    clip.notes = notes
    return clip
  }

  /// The clip in another form, as ``formatted(as:)`` makes it, where there is room for its frames: a slow clip at a
  /// high rate has very many.
  ///
  /// - Throws: `overMemoryBudget`.
  func checkedAndFormatted(as format: FrameFormat) throws(DataError) -> Clip {
    if let rate = format.rate, let own = self.rate, rate != own {
      let frames = Int(min(1e15, max(1, (Double(count) * rate / own).rounded())))
      try MemoryBudget.current.take(
        shape: [frames, format.rows ?? rows, format.columns ?? columns, format.isGray ?? (channels == 1) ? 1 : 3],
        elementSize: 1, for: "the clip of \(frames) frames, at \(rate) a second,")
    }
    return formatted(as: format)
  }

  private func resampled(from old: Double, to new: Double) -> Clip {
    let ends = max(1, Int((Double(count) * new / old).rounded()))
    var result: [UInt8] = []
    result.reserveCapacity(ends * frameSize)
    for number in 0..<ends { result += frame(min(count - 1, Int((Double(number) + 0.5) * old / new))) }
    return Clip(values: result, rows: rows, columns: columns, channels: channels, rate: new)
  }

  private var gray: Clip {
    var result = [UInt8](repeating: 0, count: values.count / 3)
    for place in result.indices {
      let (red, green, blue) = (Int(values[3 * place]), Int(values[3 * place + 1]), Int(values[3 * place + 2]))
      result[place] = UInt8((299 * red + 587 * green + 114 * blue + 500) / 1000)
    }
    return Clip(values: result, rows: rows, columns: columns, channels: 1, rate: rate)
  }

  private var colored: Clip {
    Clip(values: values.flatMap { [$0, $0, $0] }, rows: rows, columns: columns, channels: 3, rate: rate)
  }

  private func scaled(rows newRows: Int, columns newColumns: Int) -> Clip {
    let (down, across) = (Shares(rows, newRows), Shares(columns, newColumns))
    var result: [UInt8] = []
    result.reserveCapacity(count * newRows * newColumns * channels)
    let width = columns * channels
    var line = [Float](repeating: 0, count: width)
    for number in 0..<count {
      let frame = number * frameSize
      for row in 0..<newRows {
        for index in line.indices { line[index] = 0 }
        for (source, share) in down[row] {
          let start = frame + source * width
          for index in 0..<width { line[index] += share * Float(values[start + index]) }
        }
        for column in 0..<newColumns {
          for channel in 0..<channels {
            var sum: Float = 0
            for (source, share) in across[column] { sum += share * line[source * channels + channel] }
            result.append(UInt8(max(0, min(255, sum.rounded()))))
          }
        }
      }
    }
    return Clip(values: result, rows: newRows, columns: newColumns, channels: channels, rate: rate)
  }
}

/// Which places of a line make a place of another one, and their shares.
private struct Shares {
  private let places: [[(source: Int, share: Float)]]

  init(_ old: Int, _ new: Int) {
    let scale = Double(old) / Double(new)
    places = (0..<new).map { place -> [(source: Int, share: Float)] in
      if new >= old {
        let center = (Double(place) + 0.5) * scale - 0.5
        let first = Int(center.rounded(.down))
        let share = Float(center - Double(first))
        let (low, high) = (max(0, min(old - 1, first)), max(0, min(old - 1, first + 1)))
        return [(low, 1 - share), (high, share)]
      }
      let (start, end) = (Double(place) * scale, Double(place + 1) * scale)
      return (Int(start)..<min(old, Int(end.rounded(.up)))).map { source -> (source: Int, share: Float) in
        (source, Float((min(end, Double(source + 1)) - max(start, Double(source))) / scale))
      }
    }
  }

  subscript(place: Int) -> [(source: Int, share: Float)] { places[place] }
}
