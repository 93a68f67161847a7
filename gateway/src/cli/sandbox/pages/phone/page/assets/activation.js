// The steps of an activation. One is shown at a time.

import { on_click, on_submit } from './page.js';

const element = (id) => document.getElementById(id);

/** Checks the passwords of a form, as the server does: what is wrong is told before it is sent. */
export function check(form) {
  for (const field of form.querySelectorAll('input[data-form]')) {
    const { form: told, same, differ } = field.dataset;
    if (!/^[0-9]{6}$/.test(field.value)) throw new Error(told);
    if (same !== undefined && form.elements[same].value !== field.value) throw new Error(differ);
  }
}

/** `activate` does it, `leave` is called when a person goes back to the phone. */
export class Activation {
  constructor(activate, leave) {
    this.form = element('activation');
    this.steps = [...this.form.querySelectorAll('.step')];
    this.leave = leave;
    for (const back of this.form.querySelectorAll('.back')) on_click(back, () => this.back());
    on_click(element('activate'), () => this.open());
    on_submit(this.form, async (fields) => {
      const told = this.steps[this.at()].querySelector('input:checked[data-told]');
      if (told !== null) throw new Error(told.dataset.told);
      if (this.at() < this.steps.length - 1) {
        this.show(this.at() + 1);
        return;
      }
      check(this.form);
      await activate(wish(fields));
    });
  }

  is_open() {
    return !this.form.hidden;
  }

  open() {
    for (const other of ['blank', 'card', 'account']) element(other).hidden = true;
    this.form.hidden = false;
    this.show(0);
  }

  close() {
    for (const field of this.form.querySelectorAll('[type=password]')) field.value = '';
    this.form.hidden = true;
    this.leave();
    if (!element('blank').hidden) element('activate').focus();
  }

  at() {
    return this.steps.findIndex((step) => !step.hidden);
  }

  back() {
    if (this.at() === 0) this.close();
    else this.show(this.at() - 1);
  }

  show(number) {
    this.steps.forEach((step, at) => {
      step.hidden = at !== number;
      step.disabled = at !== number;
    });
    this.steps[number].querySelector('input:checked, input, .first').focus();
  }
}

/** What the phone is asked for. */
function wish(fields) {
  const by_password = fields.proof.value === 'password';
  return {
    person: Number(fields.person.value),
    identity: by_password ? 'password' : 'face',
    face: by_password ? 'ok' : fields.proof.value,
    failure: fields.not_synced.checked ? 'not-synced' : null,
    region: fields.region.value || null,
    password: fields.password.value,
    password_again: fields.password_again.value,
  };
}
