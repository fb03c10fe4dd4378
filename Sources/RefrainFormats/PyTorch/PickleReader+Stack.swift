import RefrainData

// The stack, what is remembered, and containers.

extension PickleReader {
  /// The values above the last mark belong to whoever takes the mark; what lies below may not be taken before.
  private var floor: Int { marks.last ?? 0 }

  mutating func pop() throws(DataError) -> PickleValue {
    guard stack.count > floor else { throw damaged("it takes a value where there is none") }
    return stack.removeLast()
  }

  func top() throws(DataError) -> PickleValue {
    guard stack.count > floor, let value = stack.last else { throw damaged("it takes a value where there is none") }
    return value
  }

  mutating func popToMark() throws(DataError) -> [PickleValue] {
    guard let mark = marks.popLast(), mark <= stack.count else { throw damaged("it takes a mark where there is none") }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  mutating func recall(_ index: Int) throws(DataError) {
    guard let value = memo[index] else { throw damaged("it recalls what it has not remembered") }
    stack.append(value)
  }

  mutating func pushList(_ values: [PickleValue]) {
    contained += values.count + 1
    pickle.lists.append(values)
    stack.append(.list(pickle.lists.count - 1))
  }

  mutating func pushTuple(count: Int) throws(DataError) {
    guard stack.count - floor >= count else { throw damaged("it takes a value where there is none") }
    let values = Array(stack.suffix(count))
    stack.removeLast(count)
    pushList(values)
  }

  mutating func append(_ values: [PickleValue]) throws(DataError) {
    if case .object = try top() { return }
    guard case .list(let index) = try top() else { throw damaged("it appends to what is no list") }
    contained += values.count
    pickle.lists[index] += values
  }

  mutating func pushDictionary(_ pairs: [PickleValue]) {
    contained += pairs.count + 1
    pickle.dictionaries.append(pairs)
    stack.append(.dictionary(pickle.dictionaries.count - 1))
  }

  mutating func setItems(_ pairs: [PickleValue]) throws(DataError) {
    switch try top() {
    case .dictionary(let index):
      contained += pairs.count
      pickle.dictionaries[index] += pairs
    case .object(let index):
      contained += pairs.count
      pickle.objects[index].items += pairs
    default: throw damaged("it sets items of what is no dictionary")
    }
  }

  func checked(_ pairs: [PickleValue]) throws(DataError) -> [PickleValue] {
    guard pairs.count % 2 == 0 else { throw damaged("a key in it has no value") }
    return pairs
  }

  func items(of value: PickleValue) throws(DataError) -> [PickleValue] {
    guard case .list(let index) = value else { throw damaged("it calls a function with what is no tuple") }
    return pickle.lists[index]
  }
}
