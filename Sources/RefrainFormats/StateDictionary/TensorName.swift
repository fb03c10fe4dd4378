/// A tensor's name taken apart: `encoder.lstm.weight_ih_l0_reverse` is `weight_ih` with the suffix `_l0_reverse` of the
/// module `encoder.lstm`.
struct TensorName: Hashable {
  /// What stands before the last dot; empty where there is none.
  var module: String
  /// The last component without a suffix.
  var stem: String
  /// The level and direction of a recurrent layer, such as `_l0_reverse`; empty for a cell or another layer.
  var suffix: String

  init(_ name: String) {
    let dot = name.lastIndex(of: ".")
    module = dot.map { String(name[..<$0]) } ?? ""
    let last = dot.map { String(name[name.index(after: $0)...]) } ?? name
    suffix = String(Self.suffix(of: last))
    stem = String(last.dropLast(suffix.count))
  }

  /// `_l` with one to four digits at the end of a component, with or without `_reverse` after them; empty where there
  /// is none.
  private static func suffix(of component: String) -> Substring {
    let reverse = "_reverse"
    let level = component.hasSuffix(reverse) ? component.dropLast(reverse.count) : component[...]
    guard let mark = level.lastIndex(of: "_"), level[mark...].hasPrefix("_l") else { return "" }
    let digits = level[mark...].dropFirst(2).utf8
    guard (1...4).contains(digits.count), digits.allSatisfy({ 0x30...0x39 ~= $0 }) else { return "" }
    return component[mark...]
  }

  private init(module: String, stem: String, suffix: String) {
    self.module = module
    self.stem = stem
    self.suffix = suffix
  }

  var text: String { (module.isEmpty ? "" : module + ".") + stem + suffix }

  /// Another tensor of the same level and direction.
  func with(stem: String) -> TensorName { TensorName(module: module, stem: stem, suffix: suffix) }

  /// The same tensor of a cell alone, which has no levels.
  var ofCell: TensorName { TensorName(module: module, stem: stem, suffix: "") }

  /// The same tensor when its module, or one around it, has another name: the longest that `naming` has counts.
  func renamed(by naming: [String: String]) -> TensorName {
    var (outer, inner) = (module, "")
    while true {
      if let new = naming[outer] {
        let parts = [new, inner].filter { !$0.isEmpty }
        return TensorName(module: parts.joined(separator: "."), stem: stem, suffix: suffix)
      }
      if outer.isEmpty { return self }
      let dot = outer.lastIndex(of: ".")
      let component = dot.map { String(outer[outer.index(after: $0)...]) } ?? outer
      inner = inner.isEmpty ? component : component + "." + inner
      outer = dot.map { String(outer[..<$0]) } ?? ""
    }
  }
}
