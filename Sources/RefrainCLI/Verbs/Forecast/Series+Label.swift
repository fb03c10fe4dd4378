import RefrainData

extension Series {
  /// Which of several series this is: its values in the columns that tell them apart, or its target, or both.
  func label(among all: [Series]) -> String {
    guard let id else { return name }
    return Set(all.map(\.name)).count > 1 ? "\(id), \(name)" : id
  }
}
