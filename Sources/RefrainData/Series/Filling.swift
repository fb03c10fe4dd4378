extension Series {
  /// What takes the place of missing values, and of rows that are missing between evenly spaced times.
  public enum Filling: String, Hashable, Sendable, Codable, CaseIterable {
    /// The last known value (at the start: the first known).
    case previous
    /// A straight line between the known neighbors.
    case linear
    /// Nothing happened: 0.
    case zero
    /// Nothing: the series has missing values.
    case asIs = "none"
  }
}

extension Series.Filling {
  /// Replaces every NaN.
  ///
  /// - Throws: `missingValue` when there is nothing but NaN.
  func fill(_ values: inout [Double], name: String, file: String?, notes: inout [String]) throws(DataError) {
    let missing = values.count(where: \.isNaN)
    guard missing > 0 else { return }
    guard missing < values.count else {
      throw DataError(
        .missingValue, file: file, column: name, "every value is missing", remedy: "choose another column")
    }
    fill(&values)
    guard self != .asIs else {
      notes.append("column \(name.shortened): \(CSVContent.count(missing, "missing value")) of \(values.count)")
      return
    }
    let by =
      switch self {
      case .previous: "the last known value"
      case .linear: "a line between their neighbors"
      case .zero: "0"
      case .asIs: "nothing"
      }
    notes.append("column \(name.shortened): \(CSVContent.count(missing, "missing value")) filled with \(by)")
  }

  func fill(_ values: inout [Double]) {
    guard self != .asIs, values.contains(where: { !$0.isNaN }) else { return }
    var index = 0
    while index < values.count {
      guard values[index].isNaN else {
        index += 1
        continue
      }
      let end = values[index...].firstIndex { !$0.isNaN } ?? values.count
      let before = index > 0 ? values[index - 1] : nil
      let after = end < values.count ? values[end] : nil
      for (step, place) in (index..<end).enumerated() {
        switch self {
        case .zero: values[place] = 0
        case .previous: values[place] = before ?? after!
        case .linear:
          let (low, high) = (before ?? after!, after ?? before!)
          values[place] = low + (high - low) * Double(step + 1) / Double(end - index + 1)
        case .asIs: break
        }
      }
      index = end
    }
  }
}
